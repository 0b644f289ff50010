/// Where a search through the tree of decisions stands, depth first: the decisions of the present execution and what is untried at each.
///
/// A strategy asks for each decision of an execution in turn: it adds the node when the path is at its end, then visits it. What it
/// remembers of a decision beyond the node below is its own.
#pragma once

#include "strategies.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <stdexcept>

namespace daxtorture {

struct decision_node {
    std::uint32_t question = 0;
    std::uint8_t chosen = 0;
    std::uint8_t untried = 0;  ///< mask of options
    std::uint8_t explored = 0; ///< number of options

    void next() {
        chosen = static_cast<std::uint8_t>(std::countr_zero(static_cast<unsigned>(untried)));
        untried &= static_cast<std::uint8_t>(untried - 1);
        ++explored;
    }
};

/// `Node` is a decision_node, and may have a next() of its own.
template <class Node> class decision_path {
  public:
    explicit decision_path(tree_part part) : part_(part) {}

    /// Begins an execution that differs from the last one as late as possible; false: nothing is left.
    bool advance() {
        depth_ = 0;
        if (!started_) {
            started_ = true;
            return true;
        }
        if (subtree_ % part_.count != part_.index && size_ > split_depth)
            size_ = split_depth; // another part's: one execution of it showed where the next subtree begins
        while (size_ != 0 && nodes_[size_ - 1].untried == 0)
            --size_;
        if (size_ == 0)
            return false;
        if (size_ <= split_depth)
            ++subtree_;
        nodes_[size_ - 1].next();
        return true;
    }

    /// How much of the tree lies before the path, if all branches of a decision are equally large (after Knuth, Estimating the efficiency
    /// of backtrack programs, 1975).
    double explored() const {
        double before = 0;
        double below = 1;
        for (std::size_t i = 0; i < size_; ++i) {
            const Node& here = nodes_[i];
            const int branches = here.explored + 1 + std::popcount(static_cast<unsigned>(here.untried));
            before += below * here.explored / branches;
            below /= branches;
        }
        return before;
    }

    std::size_t size() const { return size_; }
    std::size_t depth() const { return depth_; } ///< decisions visited in this execution
    bool at_end() const { return depth_ == size_; }
    Node& operator[](std::size_t i) { return nodes_[i]; }
    /// Is a decision at this depth one of those by which parts of the tree are told apart?
    bool splits_at(std::size_t depth) const { return part_.count > 1 && depth < split_depth; }

    /// A new last decision; what else it has is that of an earlier node there. References to nodes stay valid.
    Node& add(decision question, unsigned first, unsigned others) {
        if (size_ == nodes_.size())
            nodes_.emplace_back();
        Node& fresh = nodes_[size_++];
        fresh.question = question.bits();
        fresh.chosen = static_cast<std::uint8_t>(first);
        fresh.untried = static_cast<std::uint8_t>(others);
        fresh.explored = 0;
        return fresh;
    }
    Node& visit(decision question) {
        Node& here = nodes_[depth_];
        if (here.question != question.bits())
            throw std::logic_error(
                "the model is not deterministic: one prefix of decisions led to two questions");
        ++depth_;
        return here;
    }

  private:
    static constexpr std::size_t split_depth = 8; ///< decisions that tell the subtrees apart

    tree_part part_;
    std::uint64_t subtree_ = 0; ///< number of the subtree that the path is in
    bool started_ = false;
    std::size_t depth_ = 0;
    std::size_t size_ = 0; ///< decisions of the path; the nodes behind them wait to be used again
    std::deque<Node> nodes_;
};

} // namespace daxtorture
