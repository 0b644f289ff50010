/// Reading JSON documents: a value, and the path that led to it.
///
/// What is not as expected is a decode_error with that path: "state.tasks[2].id: expected a whole number". The library's own exceptions
/// stay behind this file.
#pragma once

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace daxtorture {

struct decode_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class json_node {
  public:
    json_node(const nlohmann::json& value, std::string path) : value_(value), path_(std::move(path)) {}

    [[noreturn]] void fail(const std::string& expected) const {
        throw decode_error((path_.empty() ? "" : path_ + ": ") + "expected " + expected);
    }
    bool has(const char* key) const {
        if (!value_.is_object())
            fail("an object");
        return value_.contains(key);
    }
    json_node at(const char* key) const {
        if (!has(key))
            fail(std::string("key '") + key + "'");
        return {value_[key], path_.empty() ? key : path_ + "." + key};
    }
    /// Reads a key into `to` if it is there.
    template <class T> void optional(const char* key, T& to) const {
        if (has(key))
            at(key).read(to);
    }
    template <class T> void required(const char* key, T& to) const { at(key).read(to); }
    template <class T> T get(const char* key) const {
        T value{};
        required(key, value);
        return value;
    }

    std::vector<json_node> elements() const {
        if (!value_.is_array())
            fail("an array");
        std::vector<json_node> all;
        all.reserve(value_.size());
        for (std::size_t i = 0; i < value_.size(); ++i)
            all.emplace_back(value_[i], path_ + "[" + std::to_string(i) + "]");
        return all;
    }
    /// The keys of an object with their values.
    std::vector<std::pair<std::string, json_node>> members() const {
        if (!value_.is_object())
            fail("an object");
        std::vector<std::pair<std::string, json_node>> all;
        for (auto one = value_.begin(); one != value_.end(); ++one)
            all.emplace_back(one.key(), json_node(*one, path_.empty() ? one.key() : path_ + "." + one.key()));
        return all;
    }

    void read(std::string& to) const {
        if (!value_.is_string())
            fail("a string");
        to = value_.get<std::string>();
    }
    void read(bool& to) const {
        if (!value_.is_boolean())
            fail("true or false");
        to = value_.get<bool>();
    }
    void read(double& to) const {
        if (!value_.is_number())
            fail("a number");
        to = value_.get<double>();
    }
    template <std::integral T> void read(T& to) const {
        if (!value_.is_number_integer())
            fail("a whole number");
        const bool fits = value_.is_number_unsigned() ? std::in_range<T>(value_.get<std::uint64_t>())
                                                      : std::in_range<T>(value_.get<std::int64_t>());
        if (!fits)
            fail("a number in range");
        to = value_.get<T>();
    }
    /// An array. Its elements are read as above, or by a decode(json_node, T&) that argument-dependent lookup finds.
    template <class T> void read(std::vector<T>& to) const {
        for (const json_node& from : elements()) {
            T one{};
            if constexpr (requires { from.read(one); })
                from.read(one);
            else
                decode(from, one);
            to.push_back(std::move(one));
        }
    }

  private:
    const nlohmann::json& value_;
    std::string path_;
};

} // namespace daxtorture
