#include "report/explain.hpp"

#include "report/ladder.hpp"
#include "report/text.hpp"
#include "report/wrap.hpp"

#include "protocol/presets.hpp"
#include "protocol/rules.hpp"
#include "scenario/printer.hpp"
#include "words/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string_view>

namespace daxtorture {
namespace {

constexpr std::size_t mail_width = 72;
constexpr std::size_t hash_length = 12;

// ---- the page

/// "[text](target)" is its text; marks of code and emphasis go.
std::string without_markup(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '`' || (c == '*' && i + 1 < text.size() && text[i + 1] == '*') ||
            (c == '*' && i != 0 && text[i - 1] == '*') || c == '[')
            continue;
        if (c == ']' && i + 1 < text.size() && text[i + 1] == '(') {
            i = std::min(text.find(')', i), text.size() - 1);
            continue;
        }
        plain += c;
    }
    return plain;
}

std::string trimmed(std::string text) {
    while (text.ends_with(' '))
        text.pop_back();
    return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

std::vector<std::string> hashes_in(std::string_view text) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size() && (std::isdigit(static_cast<unsigned char>(text[end])) != 0 ||
                                     (text[end] >= 'a' && text[end] <= 'f')))
            ++end;
        const bool begins = at == 0 || std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0;
        const bool ends = end == text.size() || std::isalnum(static_cast<unsigned char>(text[end])) == 0;
        if (end - at == hash_length && begins && ends)
            all.emplace_back(text.substr(at, hash_length));
        at = std::max(end, at + 1);
    }
    return all;
}

/// Puts lines together into paragraphs. Tables and code are drawings: the mail has the interleaving instead.
class page_reader {
  public:
    explicit page_reader(std::string name) {
        page_.name = std::move(name);
        page_.sections.emplace_back();
    }

    void line(const std::string& text) {
        for (std::string& hash : hashes_in(text))
            if (std::ranges::find(page_.commits, hash) == page_.commits.end())
                page_.commits.push_back(std::move(hash));
        if (text.starts_with("```"))
            code_ = !code_;
        else if (code_)
            return;
        else if (text.starts_with("# "))
            page_.title = without_markup(text.substr(2));
        else if (text.starts_with("## "))
            begin(text.substr(3));
        else if (text.starts_with("|"))
            row(text);
        else
            prose(text);
    }

    finding_page take() {
        end_paragraph();
        return std::move(page_);
    }

  private:
    void begin(const std::string& title) {
        end_paragraph();
        page_.sections.push_back({without_markup(title), {}});
    }

    void row(const std::string& text) {
        end_paragraph();
        const std::size_t middle = text.find('|', 1);
        const std::size_t end = text.rfind('|');
        if (page_.sections.size() != 1 || middle == std::string::npos || end <= middle)
            return;
        const std::string key = trimmed(text.substr(1, middle - 1));
        if (!key.empty() && !key.starts_with('-'))
            page_.facts.emplace_back(key, trimmed(without_markup(text.substr(middle + 1, end - middle - 1))));
    }

    void prose(const std::string& text) {
        const std::string plain = trimmed(text);
        const bool item = plain.starts_with("* ") || plain.starts_with("- ") ||
                          (plain.size() > 2 && std::isdigit(static_cast<unsigned char>(plain[0])) != 0 &&
                           plain.substr(1, 2) == ". ");
        if (plain.empty() || item)
            end_paragraph();
        if (!plain.empty())
            paragraph_ += (paragraph_.empty() ? "" : " ") + plain;
    }

    void end_paragraph() {
        if (!paragraph_.empty())
            page_.sections.back().paragraphs.push_back(without_markup(paragraph_));
        paragraph_.clear();
    }

    finding_page page_;
    std::string paragraph_;
    bool code_ = false;
};

std::string fact(const finding_page& page, std::string_view key) {
    for (const auto& [name, value] : page.facts)
        if (name == key)
            return value;
    return "";
}

// ---- the mail

class mail {
  public:
    mail(const bundle& kept, const std::string& place, const finding_page& page)
        : kept_(kept), place_(place), page_(page) {}

    std::string write() {
        subject();
        summary();
        versions();
        interleaving();
        reasons();
        confirmation();
        remedy();
        commits();
        return std::move(text_);
    }

  private:
    void paragraph(const std::string& text, std::size_t indent = 0) {
        for (const std::string& line : wrap(text, mail_width, indent))
            text_ += line + "\n";
        text_ += "\n";
    }

    void heading(const char* title) {
        text_ += fmt::format("{}\n{}\n\n", title, std::string(std::string_view(title).size(), '-'));
    }

    void paragraphs(const finding_page::section& of) {
        for (const std::string& one : of.paragraphs)
            paragraph(one, one.starts_with("* ") || one.starts_with("- ") ? 2
                           : one.substr(1, 2) == ". "                     ? 3
                                                                          : 0);
    }

    /// The rules that the failure had beyond those of its preset.
    std::string own_rules() const {
        const preset* base = find_preset(kept_.what.protocol);
        return base == nullptr ? "" : differences(base->rules, kept_.what.world.rules);
    }

    void subject() {
        const std::string& title = page_.title.empty() ? short_name(kept_.found) : page_.title;
        text_ += fmt::format("Subject: [BUG] dax: {}\n\n", title); // one line, as a header is
        if (const std::string rules = own_rules(); !rules.empty())
            paragraph("NOT A REPORT ABOUT A KERNEL: this failure needs " + rules + ", which " +
                      kept_.what.protocol + " does not have.");
    }

    void summary() {
        if (!page_.sections.empty())
            paragraphs(page_.sections.front());
        if (const std::string seen = fact(page_, "severity"); !seen.empty())
            paragraph("What a user sees: " + seen + ".");
        if (const std::string reach = fact(page_, "reach"); !reach.empty())
            paragraph("Who can do it: " + reach + ".");
        for (const std::string& line : wrap("It " + violation(), mail_width))
            text_ += line + "\n";
        paragraph("The cause: " + kept_.found.cause + ".");
    }

    std::string violation() const {
        const std::string kind = name(kept_.found.kind);
        if (kept_.found.invariant == invariant::none)
            return "is a " + kind + ".";
        return fmt::format("violates the invariant \"{}\" ({}).", info(kept_.found.invariant).text,
                           name(kept_.found.invariant));
    }

    void versions() {
        heading("Affected versions");
        if (const std::string known = fact(page_, "versions"); !known.empty())
            paragraph(known + ".");
        std::string fails;
        std::string passes;
        for (const expectation& one : kept_.what.expectations) {
            std::string& list = one.verdict == verdict_kind::pass ? passes : fails;
            list += (list.empty() ? "" : ", ") + (one.under.empty() ? kept_.what.protocol : one.under);
        }
        std::string text =
            kept_.of_kernel()
                ? fmt::format("Found on the objects of the tree {}, memory model {}.", kept_.tree,
                              kept_.memory)
                : fmt::format("Found in a model of {}, memory model {}.", kept_.what.protocol, kept_.memory);
        if (!fails.empty())
            text += " The scenario fails with the protocols of " + fails + ".";
        if (!passes.empty())
            text += " It passes with " + passes + ".";
        paragraph(text);
    }

    void interleaving() {
        heading("How it happens");
        text_ += "The operations:\n\n";
        for (const operation& one : kept_.what.setup)
            text_ += "    before: " + print(one, kept_.what) + "\n";
        for (const thread_program& thread : kept_.what.threads) {
            std::string all;
            for (const operation& one : thread.operations)
                all += (all.empty() ? "" : "; ") + print(one, kept_.what);
            text_ += fmt::format("    {}: {}\n", thread.name, all);
        }
        text_ += "\n";
        ladder_options look;
        look.width = mail_width;
        failure shown = kept_.found;
        if (kept_.of_real_threads())
            shown.events.clear();
        // Lines of the model say nothing to a reader of kernel sources; those of a tree do.
        look.places = kept_.of_kernel();
        for (task_snapshot& task : shown.state.tasks)
            if (!look.places)
                task.wait_site.resize(std::min(task.wait_site.find(" at "), task.wait_site.size()));
        if (kept_.of_real_threads())
            paragraph("Real threads met it, so there is no exact interleaving yet: `daxtorture reproduce " +
                      place_ + "` searches for one.");
        else
            text_ += "One interleaving that fails (time runs downwards; the functions\nare those of the "
                     "kernel):\n\n";
        text_ += failure_text(shown, kept_.what, look) + "\n";
    }

    static bool names_remedy(const std::string& title) {
        return title.find("fix") != std::string::npos || title.find("remedy") != std::string::npos;
    }
    static bool names_confirmation(const std::string& title) {
        return title.find("confirm") != std::string::npos;
    }

    /// What the page explains: its sections but those that have a place of their own.
    void reasons() {
        bool begun = false;
        for (std::size_t i = 1; i < page_.sections.size(); ++i) {
            const finding_page::section& one = page_.sections[i];
            if (names_remedy(one.title) || names_confirmation(one.title) || one.paragraphs.empty())
                continue;
            if (!begun)
                heading("Why");
            begun = true;
            paragraph(one.title + (one.title.ends_with('?') ? "" : ":"));
            paragraphs(one);
        }
    }

    void confirmation() {
        heading("How to confirm it");
        for (const finding_page::section& one : page_.sections)
            if (names_confirmation(one.title))
                paragraphs(one);
        if (const std::string status = fact(page_, "status"); !status.empty())
            paragraph("Status: " + status + ".");
        text_ += "The exact schedule, the operations as a test, and the objects of a\nkernel tree:\n\n";
        if (!kept_.of_real_threads())
            text_ += "    daxtorture replay " + place_ + "\n";
        text_ += "    daxtorture fstest " + place_ + "\n";
        text_ += fmt::format("    daxtorture kernel {} --tree LINUX\n\n", kept_.what.name);
    }

    /// The rule values with which the failure is gone.
    std::vector<std::string> cures() const {
        std::vector<std::string> all;
        for (const finding& known : finding_table()) {
            const bool same = known.page == page_.name && known.broken == kept_.found.invariant &&
                              kept_.found.cause.starts_with(known.cause);
            std::istringstream words{std::string(same ? known.cures : "")};
            for (std::string word; words >> word;)
                all.push_back(word);
        }
        return all;
    }

    void remedy() {
        heading("What would fix it");
        bool said = false;
        for (const finding_page::section& one : page_.sections)
            if (names_remedy(one.title)) {
                paragraphs(one);
                said = true;
            }
        for (const std::string& cure : cures()) {
            const std::string value = cure.substr(cure.find('=') + 1);
            const rule_info* rule = find_rule(cure.substr(0, cure.find('=')));
            if (rule == nullptr)
                continue;
            for (const rule_value& known : rule->values)
                if (known.name == value)
                    paragraph(fmt::format("In the model it is gone with {}: {}.", cure, known.meaning));
            said = true;
        }
        if (!said)
            paragraph("Not known.");
    }

    void commits() {
        std::vector<std::string> all = page_.commits;
        for (const std::string& cure : cures())
            if (const rule_info* rule = find_rule(cure.substr(0, cure.find('='))))
                for (const std::string& hash : hashes_in(rule->commit))
                    if (std::ranges::find(all, hash) == all.end())
                        all.push_back(hash);
        if (all.empty())
            return;
        text_ += "Candidates for the Fixes: line; print one with its subject by\n\n";
        for (const std::string& hash : all)
            text_ += fmt::format("    git log -1 --format='Fixes: %h (\"%s\")' {}\n", hash);
    }

    const bundle& kept_;
    const std::string& place_;
    const finding_page& page_;
    std::string text_;
};

} // namespace

finding_page parse_finding(const std::string& name, const std::string& markdown) {
    page_reader reader(name);
    std::istringstream lines(markdown);
    for (std::string line; std::getline(lines, line);)
        reader.line(line);
    return reader.take();
}

std::string explanation(const bundle& kept, const std::string& place, const finding_page& page) {
    return mail(kept, place, page).write();
}

} // namespace daxtorture
