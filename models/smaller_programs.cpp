#include "smaller_programs.hpp"

#include <algorithm>

namespace daxtorture {

namespace {

using operations = std::vector<operation>;

operations::iterator at(operations& all, std::size_t i) {
    return all.begin() + static_cast<std::ptrdiff_t>(i);
}

/// Threads that no other names; `interrupt` names them by number.
void without_a_thread(const program& what, std::vector<program>& smaller) {
    for (std::size_t t = 0; t < what.threads.size() && what.threads.size() > 1; ++t) {
        program less = what;
        less.threads.erase(less.threads.begin() + static_cast<std::ptrdiff_t>(t));
        bool named = false;
        for (thread_program& other : less.threads) {
            for (operation& o : other.operations) {
                if (info(o.kind).takes != operands::thread)
                    continue;
                named = named || o.object == t;
                o.object = static_cast<std::uint8_t>(o.object - (o.object > t ? 1 : 0));
            }
        }
        less.world.workers = static_cast<unsigned>(less.threads.size());
        if (!named)
            smaller.push_back(std::move(less));
    }
}

/// One operation; then a pin or get with the unpin or put that belongs to it, which has nothing to drop without it.
void without_an_operation(const program& what, bool keep_drops, std::vector<program>& smaller) {
    for (std::size_t t = 0; t < what.threads.size(); ++t) {
        const operations& all = what.threads[t].operations;
        for (std::size_t i = all.size(); i-- > 0 && all.size() > 1;) {
            const op kind = all[i].kind;
            if (keep_drops && (kind == op::unpin || kind == op::put))
                continue;
            program less = what;
            operations& left = less.threads[t].operations;
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

template <class Visit> void each_operation(program& of, Visit visit) {
    std::for_each(of.setup.begin(), of.setup.end(), visit);
    for (thread_program& thread : of.threads)
        std::for_each(thread.operations.begin(), thread.operations.end(), visit);
}

/// Number `gone` is no more: those behind it move up. True if it was meant.
bool renumber(std::uint8_t& number, std::size_t gone) {
    const bool meant = number == gone;
    if (number > gone)
        --number;
    return meant;
}

void without_an_mm(const program& what, std::vector<program>& smaller) {
    for (std::size_t gone = 0; gone < what.world.mms.size(); ++gone) {
        program less = what;
        less.world.mms.erase(less.world.mms.begin() + static_cast<std::ptrdiff_t>(gone));
        bool used = false;
        each_operation(less, [&](operation& o) {
            const operands takes = info(o.kind).takes;
            if (takes == operands::mm || takes == operands::mm_page || takes == operands::mm_pages ||
                takes == operands::two_mms)
                used = renumber(o.object, gone) || used;
            if (takes == operands::two_mms)
                used = renumber(o.other, gone) || used;
        });
        if (!used)
            smaller.push_back(std::move(less));
    }
}

/// Files that are devices stay: operations name devices by numbers of their own.
void without_a_file(const program& what, std::vector<program>& smaller) {
    for (std::size_t gone = 0; gone < what.world.files.size() && what.world.files.size() > 1; ++gone) {
        if (is_device(what.world.files[gone].fs))
            continue;
        program less = what;
        less.world.files.erase(less.world.files.begin() + static_cast<std::ptrdiff_t>(gone));
        bool used = false;
        for (mm_config& mm : less.world.mms) {
            for (area_config& area : mm.areas) {
                used = used || area.file == gone;
                area.file -= area.file > gone ? 1 : 0;
            }
        }
        each_operation(less, [&](operation& o) {
            const operands takes = info(o.kind).takes;
            if (takes == operands::file || takes == operands::file_size || takes == operands::file_range ||
                takes == operands::two_files)
                used = renumber(o.object, gone) || used;
            if (takes == operands::two_files)
                used = renumber(o.other, gone) || used;
        });
        if (!used)
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
