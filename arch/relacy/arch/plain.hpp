/// Unordered shared data: two accesses that nothing orders, one of them a write, end the execution as a data race.
///
/// Not a scheduling point: a race is found from the clocks of the threads, in whatever order the accesses run.
/// Checked   tests/relacy
#pragma once

#include <arch/detail/state.hpp>

namespace arch {
inline namespace relacy {

template <class T> class plain {
  public:
    plain() : plain(T{}) {}
    explicit plain(T value) : value_(value) {}
    plain(const plain&) = delete;
    plain& operator=(const plain&) = delete;

    T get(site at = site::here()) const {
        if (detail::state.special)
            return value_;
        detail::touch(this, false);
        if (!cell().load(detail::self()))
            race(at, false);
        read_at_ = at;
        if (detail::state.recording)
            detail::record("load", this, at, detail::text(value_));
        return value_;
    }

    void set(T value, site at = site::here()) {
        if (detail::state.special) {
            value_ = value;
            return;
        }
        detail::touch(this, true);
        if (!cell().store(detail::self()))
            race(at, true);
        written_at_ = at;
        if (detail::state.recording)
            detail::record("store", this, at, detail::text(value_), detail::text(value));
        detail::watch_change(this, value_, value);
        value_ = value;
    }

    T peek() const {
        detail::touch(this, false);
        return value_;
    }

  private:
    rl::var_data& cell() const {
        if (cell_ == nullptr)
            cell_ = detail::state.host->new_plain();
        return *cell_;
    }

    void race(site at, bool writing) const {
        const std::string object = detail::state.describe ? detail::state.describe(this) : std::string();
        detail::found_violation& v = detail::state.violation;
        v.cause = "data race on " + (object.empty() ? "plain data" : object);
        v.detail = std::string(writing ? "written" : "read") + " by " + at.function;
        if (written_at_.line != 0)
            v.detail += std::string(", last written by ") + written_at_.function;
        if (writing && read_at_.line != 0)
            v.detail += std::string(", last read by ") + read_at_.function;
        v.at = at;
        if (detail::state.recording)
            detail::record("violation", this, at, {}, v.cause);
        detail::stop(rl::test_result_data_race, "", at);
    }

    T value_;
    mutable rl::var_data* cell_ = nullptr;
    mutable site read_at_;
    site written_at_;
};

} // namespace relacy
} // namespace arch
