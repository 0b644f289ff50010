#include "run/campaign/worker_protocol.hpp"

#include "run/campaign/codec.hpp"
#include "run/failure_json.hpp"

#include <nlohmann/json.hpp>

#include <exception>

namespace daxtorture {

using nlohmann::json;

std::string encode_message(const leg_message& message) {
    if (const auto* found = std::get_if<failure>(&message))
        return one_line(json{{"failure", encode(*found)}});
    const auto& report = std::get<leg_report>(message);
    json all{
        {"rss_kib", report.rss_kib}, {"last", report.last}, {"note", report.note}, {"error", report.error}};
    encode_into(all, report);
    return one_line(all);
}

std::optional<leg_message> decode_message(const std::string& line) {
    try {
        const json message = json::parse(line);
        if (const auto found = message.find("failure"); found != message.end())
            return decode_failure(*found);
        const json_node from(message, "");
        leg_report report;
        static_cast<stress_totals&>(report) = decode_totals(from);
        report.rss_kib = from.get<std::uint64_t>("rss_kib");
        report.last = from.get<bool>("last");
        report.note = from.get<std::string>("note");
        report.error = from.get<std::string>("error");
        return report;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

std::string encode_order(const leg_order& order) {
    return one_line(json{{"parameters", encode(order.parameters)},
                         {"load", order.load},
                         {"seconds", order.seconds},
                         {"seed", order.seed},
                         {"parent", order.parent}});
}

leg_order decode_order(const std::string& text) {
    const json order = json::parse(text);
    const json_node from(order, "");
    return {decode_parameters(from.at("parameters")), from.get<unsigned>("load"), from.get<double>("seconds"),
            from.get<std::uint64_t>("seed"), from.get<int>("parent")};
}

} // namespace daxtorture
