#include "relacy_machine.hpp"
#include "scenario/printer.hpp"
#include "world/world.hpp"

#include <exception>

namespace daxtorture {

namespace {

class world_body : public body {
  public:
    explicit world_body(const program& what) : program_(what) {
        program_.world.workers = static_cast<unsigned>(what.threads.size());
        texts_.resize(what.threads.size());
        for (const thread_program& one : what.threads)
            outcomes_.emplace_back(one.operations.size());
        outcomes_.emplace_back(what.setup.size());
        for (const std::vector<outcome>& of_thread : outcomes_)
            counts_.emplace_back(of_thread.size());
        for (std::size_t i = 0; i < what.threads.size(); ++i)
            for (const operation& o : what.threads[i].operations)
                texts_[i].push_back(print(o, what));
        for (const operation& o : what.setup)
            setup_texts_.push_back(print(o, what));
    }
    unsigned threads() const override { return program_.world.workers; }

    void set_up() override {
        const unsigned me = program_.world.workers;
        std::string problem;
        try {
            world_ = std::make_unique<world>(program_.world);
        } catch (const std::exception& e) {
            problem = e.what();
        }
        if (world_ == nullptr) // outside the handler: no simulated step may lie inside one
            simulated::stop(rl::test_result_inconsistent_test_suite, problem.c_str(), {});
        arch::bind_current(world_->task(me));
        for (std::size_t i = 0; i < program_.setup.size(); ++i)
            perform(me, "set-up", program_.setup[i], setup_texts_[i], static_cast<int>(i));
        world_->label(me, "set-up", "");
    }

    void thread(unsigned number) override {
        arch::bind_current(world_->task(number));
        const thread_program& mine = program_.threads[number];
        for (std::size_t i = 0; i < mine.operations.size(); ++i)
            perform(number, mine.name.c_str(), mine.operations[i], texts_[number][i], static_cast<int>(i));
        world_->label(number, mine.name.c_str(), "");
        simulated::state.operation[number] = -1;
    }

    void finish() override {
        world_->check_quiescent();
        world_.reset();
    }

    void abandon() override { static_cast<void>(world_.release()); }
    void count() override {
        for (std::size_t i = 0; i < outcomes_.size(); ++i)
            for (std::size_t j = 0; j < outcomes_[i].size(); ++j)
                ++counts_[i][j][static_cast<std::size_t>(outcomes_[i][j])];
    }
    operation_counts counts() const override { return counts_; }

    snapshot take_snapshot() override { return world_ != nullptr ? world_->take_snapshot() : snapshot(); }
    std::string describe(const void* address) override {
        return world_ != nullptr ? world_->describe(address) : std::string();
    }
    std::string value_text(const void* address, const std::string& value) override {
        return world_ != nullptr ? world_->value_text(address, value) : value;
    }
    std::uint64_t outcome_hash() override {
        std::uint64_t hash = 0xcbf29ce484222325u;
        const auto add = [&hash](std::uint64_t number) { hash = (hash ^ number) * 0x100000001b3u; };
        for (const std::vector<outcome>& of_thread : outcomes_)
            for (const outcome one : of_thread)
                add(static_cast<std::uint64_t>(one));
        const snapshot left = world_->take_snapshot();
        for (const folio_snapshot& f : left.folios) {
            add(f.pfn);
            add(static_cast<std::uint64_t>(f.refcount));
            add(static_cast<std::uint64_t>(f.mapcount));
            add(static_cast<std::uint64_t>(f.pins));
            add(f.index);
            for (const char c : f.mapping)
                add(static_cast<unsigned char>(c));
        }
        for (const entry_snapshot& e : left.entries) {
            for (const char c : e.file)
                add(static_cast<unsigned char>(c));
            add(e.index);
            add(e.pfn * 4 + (e.locked ? 1 : 0) + (e.empty ? 2 : 0));
        }
        return hash;
    }

  private:
    void perform(unsigned worker, const char* name, const operation& o, const std::string& text, int index) {
        world_->label(worker, name, text.c_str());
        simulated::state.operation[simulated::self_index()] = index;
        const arch::site at{"", "", o.line};
        if (simulated::state.recording)
            simulated::record("begin", nullptr, at, text);
        const outcome result = world_->perform(worker, o);
        outcomes_[worker][static_cast<std::size_t>(index)] = result;
        if (simulated::state.recording)
            simulated::record("end", nullptr, at, text, std::string(daxtorture::name(result)));
    }

    program program_;
    std::vector<std::vector<std::string>> texts_;
    std::vector<std::string> setup_texts_;
    std::vector<std::vector<outcome>>
        outcomes_; ///< of the last execution, by thread; last those of the set-up
    operation_counts counts_;
    std::unique_ptr<world> world_;
};

} // namespace

std::unique_ptr<machine> make_machine(const program& scenario) {
    return std::make_unique<relacy_machine>(std::make_unique<world_body>(scenario));
}

} // namespace daxtorture
