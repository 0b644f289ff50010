#include "smaller_programs.hpp"

#include <algorithm>

namespace daxtorture {

namespace {

template <class T> auto at(std::vector<T>& all, std::size_t i) {
    return all.begin() + static_cast<std::ptrdiff_t>(i);
}

template <class Visit> void each_operation(program& of, Visit visit) {
    std::for_each(of.setup.begin(), of.setup.end(), visit);
    for (thread_program& thread : of.threads)
        std::for_each(thread.operations.begin(), thread.operations.end(), visit);
}

/// How many of the first operands are numbers of threads, of mms, of files.
unsigned threads_named(operands takes) { return takes == operands::thread ? 1 : 0; }
unsigned mms_named(operands takes) {
    switch (takes) {
    case operands::mm:
    case operands::mm_page:
    case operands::mm_pages:
        return 1;
    case operands::two_mms:
        return 2;
    default:
        return 0;
    }
}
unsigned files_named(operands takes) {
    switch (takes) {
    case operands::file:
    case operands::file_size:
    case operands::file_range:
        return 1;
    case operands::two_files:
        return 2;
    default:
        return 0;
    }
}

/// Number `gone` is no more: those behind it move up. True if some operation meant it.
bool renumber(program& of, std::size_t gone, unsigned (*named)(operands)) {
    bool meant = false;
    const auto renumber_one = [&](std::uint8_t& number) {
        meant = meant || number == gone;
        if (number > gone)
            --number;
    };
    each_operation(of, [&](operation& o) {
        const unsigned numbers = named(info(o.kind).takes);
        if (numbers > 0)
            renumber_one(o.object);
        if (numbers > 1)
            renumber_one(o.other);
    });
    return meant;
}

/// Threads that no other names.
void without_a_thread(const program& what, std::vector<program>& smaller) {
    for (std::size_t gone = 0; gone < what.threads.size() && what.threads.size() > 1; ++gone) {
        program less = what;
        less.threads.erase(at(less.threads, gone));
        less.world.workers = static_cast<unsigned>(less.threads.size());
        if (!renumber(less, gone, threads_named))
            smaller.push_back(std::move(less));
    }
}

/// One operation; then a pin or get with the unpin or put that belongs to it, which has nothing to drop without it.
void without_an_operation(const program& what, bool keep_drops, std::vector<program>& smaller) {
    for (std::size_t t = 0; t < what.threads.size(); ++t) {
        const std::vector<operation>& all = what.threads[t].operations;
        for (std::size_t i = all.size(); i-- > 0 && all.size() > 1;) {
            const op kind = all[i].kind;
            if (keep_drops && (kind == op::unpin || kind == op::put))
                continue;
            program less = what;
            std::vector<operation>& left = less.threads[t].operations;
            left.erase(at(left, i));
            if (kind == op::pin || kind == op::get) {
                const op drop = kind == op::pin ? op::unpin : op::put;
                const auto its_drop = std::find_if(at(left, i), left.end(),
                                                   [drop](const operation& o) { return o.kind == drop; });
                if (its_drop != left.end())
                    left.erase(its_drop);
            }
            if (!left.empty())
                smaller.push_back(std::move(less));
        }
    }
    for (std::size_t i = what.setup.size(); i-- > 0;) {
        program less = what;
        less.setup.erase(at(less.setup, i));
        smaller.push_back(std::move(less));
    }
}

void without_an_mm(const program& what, std::vector<program>& smaller) {
    for (std::size_t gone = 0; gone < what.world.mms.size(); ++gone) {
        program less = what;
        less.world.mms.erase(at(less.world.mms, gone));
        if (!renumber(less, gone, mms_named))
            smaller.push_back(std::move(less));
    }
}

/// True if it is mapped.
bool renumber_mapped_file(program& of, std::size_t gone) {
    bool mapped = false;
    for (mm_config& mm : of.world.mms) {
        for (area_config& area : mm.areas) {
            mapped = mapped || area.file == gone;
            area.file -= area.file > gone ? 1 : 0;
        }
    }
    return mapped;
}

/// Files that are devices stay: operations name devices by numbers of their own.
void without_a_file(const program& what, std::vector<program>& smaller) {
    for (std::size_t gone = 0; gone < what.world.files.size() && what.world.files.size() > 1; ++gone) {
        if (is_device(what.world.files[gone].fs))
            continue;
        program less = what;
        less.world.files.erase(at(less.world.files, gone));
        const bool mapped = renumber_mapped_file(less, gone);
        if (!renumber(less, gone, files_named) && !mapped)
            smaller.push_back(std::move(less));
    }
}

} // namespace

std::vector<program> smaller_programs(const program& what, bool keep_drops) {
    std::vector<program> smaller;
    without_a_thread(what, smaller);
    without_an_operation(what, keep_drops, smaller);
    without_an_mm(what, smaller);
    without_a_file(what, smaller);
    return smaller;
}

} // namespace daxtorture
