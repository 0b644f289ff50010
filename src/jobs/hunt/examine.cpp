#include "jobs/hunt/examine.hpp"

#include "jobs/interrupt.hpp"

#include "protocol/presets.hpp"
#include "scenario/known.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"
#include "words/findings.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace daxtorture::jobs::hunt {
namespace {

constexpr unsigned rounds_max = 4; ///< of switching on the cure of a finding that hides what comes after it
constexpr std::uint64_t sure_executions = 3'000;         ///< without it, and a failure is gone, at most
constexpr std::uint64_t executions_to_failure = 30;      ///< times as many as the failure took
constexpr std::uint64_t sure_executions_of_news = 8'000; ///< of one that is told
constexpr std::uint64_t searches_in_vain =
    4; ///< times as many executions are run when other failures end them early

std::vector<std::string> words_of(std::string_view text) {
    std::istringstream from{std::string(text)};
    std::vector<std::string> all;
    for (std::string word; from >> word;)
        all.push_back(word);
    return all;
}

program under(const program& drawn, const std::string& preset, const std::vector<std::string>& rules) {
    program what = drawn;
    what.rules.clear();
    static_cast<void>(resolve_rules(what, preset, rules)); // they were tried when the hunt began
    return what;
}

std::vector<std::string> joined(std::vector<std::string> rules, const std::vector<std::string>& more) {
    rules.insert(rules.end(), more.begin(), more.end());
    return rules;
}

checker_request search_of(const program& what, const char* scheduler, std::uint64_t executions,
                          std::uint64_t seed) {
    checker_request request;
    request.scenario = print(what);
    request.file = what.name;
    request.scheduler = scheduler;
    request.bound = 1;
    request.seed = seed;
    request.iterations = executions;
    return request;
}

/// What makes it the failure that it is.
failure likeness_of(const failure& found) {
    failure like;
    like.kind = found.kind;
    like.invariant = found.invariant;
    like.cause = found.cause;
    return like;
}

/// With some rules more.
program cured(const program& what, const std::vector<std::string>& cures) {
    std::vector<std::string> rules;
    for (const auto& [name, value] : what.rules)
        rules.push_back(std::string(name).append("=").append(value));
    return under(what, what.protocol, joined(std::move(rules), cures));
}

constexpr std::string_view between_pages = " or "; ///< in what findings_like returns

std::vector<std::string> pages_of(std::string text) {
    std::vector<std::string> pages;
    for (std::size_t end; !text.empty(); text.erase(0, end)) {
        end = std::min(text.find(between_pages), text.size());
        pages.push_back(text.substr(0, end));
        end += end == text.size() ? 0 : between_pages.size();
    }
    return pages;
}

/// A rule that mends what a page describes, as far as it shows in this failure; nothing when no rule helps.
std::vector<std::string> cure_of(const std::string& page, const failure& found) {
    for (const finding& row : finding_table())
        if (row.page == page && row.broken == found.invariant && !row.cures.empty())
            return {words_of(row.cures).back()};
    return {};
}

/// The pages of the findings that these rules mend; a rule without a page itself.
std::string pages_cured_by(const std::vector<std::string>& rules) {
    std::string pages;
    for (const std::string& rule : rules) {
        const auto row = std::ranges::find_if(finding_table(), [&](const finding& one) {
            const std::vector<std::string> cures = words_of(one.cures);
            return std::ranges::find(cures, rule) != cures.end();
        });
        const std::string_view name = row == finding_table().end() ? std::string_view(rule) : row->page;
        if (pages.find(name) == std::string::npos)
            pages.append(pages.empty() ? "" : " and ").append(name);
    }
    return pages;
}

} // namespace

protocols find_protocols(const std::string& preset, const std::vector<std::string>& rules) {
    program tried;
    if (const auto wrong = resolve_rules(tried, preset, rules))
        throw usage_error(*wrong);
    const std::string mended = preset + "-fixed";
    return {preset, find_preset(mended) != nullptr ? mended : "", rules};
}

examiner::examiner(protocols under, std::uint64_t seed) : under_(std::move(under)), seed_(seed) {}

examined examiner::examine(const program& drawn, const effort& much, const explanations& known) {
    known_ = &known;
    result_ = {};
    try {
        if (!under_.mended.empty())
            if (auto found = search(under(drawn, under_.mended, under_.rules), much, much.coverage))
                result_.suspects.push_back(std::move(*found)); // whatever it looks like is mended there
        std::vector<std::string> rules = under_.rules;
        for (unsigned round = 0; round < rounds_max; ++round) {
            auto found = search(under(drawn, under_.given, rules), much,
                                much.coverage && under_.mended.empty() && round == 0);
            if (!found)
                break;
            explain(*found);
            const std::vector<std::string> cures = found->cures;
            const bool goes_on = !found->known.empty() && found->clean < much.sampled + much.bounded;
            result_.suspects.push_back(std::move(*found));
            if (!goes_on)
                break;
            rules = joined(std::move(rules), cures);
        }
    } catch (const blocked_setup&) {
        result_.unusable = true;
    } catch (const checker_failed& problem) {
        checker_.reset();
        result_.tool_failure = problem.what();
    } catch (const usage_error& problem) { // the program was drawn here: it is no input of the user's
        result_.tool_failure = problem.what();
    }
    return std::move(result_);
}

checker_answer examiner::ask(const checker_request& request) {
    if (interrupted())
        throw stopped_by_signal();
    if (checker_ == nullptr)
        checker_ = std::make_unique<checker>();
    checker_->ask(request);
    checker_answer answer = wait_for_answer(*checker_);
    result_.executions += answer.executions;
    if (answer.found.kind == failure_kind::tool)
        throw checker_failed(answer.found.cause + " " + answer.found.detail);
    return answer;
}

std::optional<suspect> examiner::search(const program& what, const effort& much, bool coverage) {
    for (const auto& [scheduler, executions] :
         {std::pair("pos", much.sampled), std::pair("bound", much.bounded)}) {
        if (executions == 0)
            continue;
        const bool tells = coverage && std::string_view(scheduler) == "pos";
        checker_request request = search_of(what, scheduler, executions, seed_);
        request.coverage = tells;
        checker_answer answer = ask(request);
        const bool failed = answer.found.kind != failure_kind::none;
        suspect found{what, std::move(answer.found), {}, {}, scheduler, answer.failed_at};
        if (tells)
            result_.first = std::move(answer);
        if (failed)
            return found;
    }
    return std::nullopt;
}

bool examiner::fails_by_its_schedule(const program& tried, const failure& like) {
    checker_request request;
    request.what = checker_request::kind::replay;
    request.scenario = print(tried);
    request.file = tried.name;
    request.schedule = like.schedule;
    return same_failure(ask(request).found, like);
}

/// Searches until so many executions did not fail otherwise, for in those that did it may have been about to come.
examiner::sequel examiner::look_for(const program& tried, const suspect& like, std::uint64_t executions) {
    checker_request request = search_of(tried, like.scheduler.c_str(), executions, seed_);
    request.wanted = likeness_of(like.found);
    std::uint64_t clean = 0;
    clean_ = 0;
    const std::uint64_t attempts =
        request.scheduler == "pos" ? searches_in_vain : 1; // others would begin anew
    for (std::uint64_t i = 0; i < attempts && clean < executions; ++i) {
        const checker_answer searched = ask(request);
        if (searched.found.kind != failure_kind::none)
            return sequel::comes_back;
        if (searched.exhausted)
            return searched.passed_by == 0 ? sequel::is_gone : sequel::is_hidden;
        clean += searched.executions - searched.passed_by;
        request.first += searched.executions;
        if (i == 0 && searched.passed_by == 0)
            clean_ = clean;
    }
    return clean >= executions ? sequel::is_gone : sequel::is_hidden;
}

/// Does the program fail no more like this when these rules are added?
bool examiner::is_gone(const suspect& found, const std::vector<std::string>& cures) {
    const program tried = cured(found.what, cures);
    const std::uint64_t enough = std::min(sure_executions, 300 + executions_to_failure * found.execution);
    return !fails_by_its_schedule(tried, found.found) && look_for(tried, found, enough) == sequel::is_gone;
}

bool examiner::explains(suspect& found, const std::string& known, const std::vector<std::string>& cures) {
    if (cures.empty() || !is_gone(found, cures))
        return false;
    found.known = known;
    found.cures = cures;
    found.clean = clean_;
    return true;
}

std::uint64_t examiner::explain_again(suspect& found) {
    static const explanations none; // what others taught hangs on when it is asked
    known_ = &none;
    result_ = {};
    if (found.known.empty())
        return 0;
    suspect again = found;
    again.known.clear();
    explain(again);
    if (!again.known.empty() && comes_back(again))
        again.known.clear();
    found = std::move(again);
    return result_.executions;
}

bool examiner::comes_back(const suspect& found) {
    const program tried = cured(found.what, found.cures);
    suspect in_all = found;
    in_all.scheduler = "full";
    return look_for(tried, in_all, sure_executions_of_news) == sequel::comes_back ||
           look_for(tried, found, sure_executions_of_news) == sequel::comes_back;
}

void examiner::explain(suspect& found) {
    const program mended =
        under_.mended.empty() ? found.what : under(found.what, under_.mended, under_.rules);
    const std::vector<std::string> all = words_of(differences(found.what.world.rules, mended.world.rules));
    for (const std::string& page :
         pages_of(findings_like(found.what, found.found.invariant, found.found.cause))) {
        const std::vector<std::string> cures = cure_of(page, found.found);
        if (explains(found, page, cures.empty() ? all : cures))
            return;
    }
    explain_by_rules(found, all);
}

/// The fewest of the rules in which the mended protocol differs, one after the other left out.
void examiner::explain_by_rules(suspect& found, std::vector<std::string> cures) {
    const explanations::key_type key{found.found.invariant, found.found.cause};
    if (const auto before = known_->find(key); before != known_->end())
        for (const std::vector<std::string>& known : before->second)
            if (explains(found, pages_cured_by(known), known))
                return;
    if (cures.empty() || !is_gone(found, cures))
        return;
    for (std::size_t i = cures.size(); i-- != 0;) {
        std::vector<std::string> fewer = cures;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        if (!fewer.empty() && is_gone(found, fewer))
            cures = std::move(fewer);
    }
    if (explains(found, pages_cured_by(cures), cures))
        result_.learnt[key].insert(cures);
}

} // namespace daxtorture::jobs::hunt
