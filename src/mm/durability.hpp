/// What the media of the device has, and what a power cut would therefore leave. Only a world in which the power is cut keeps it.
///
/// States    every store gives its page a new version of its data, and a copy takes its source's version with it; what is flushed, or stored
///           past the caches, is on the media. Versions are numbered across the device: a higher one has everything that a lower one of the
///           same data has
/// Source    dax_flush (drivers/dax/super.c); _copy_from_iter_flushcache, which write() stores with
/// Checked   the scenarios with power-cut; broken by the rule cow-copy                                                        [I20]
#pragma once

#include <arch/atomic.hpp>
#include <arch/machine.hpp>
#include <arch/oracle.hpp>

#include <cstdint>
#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class durability {
  public:
    explicit durability(unsigned pages);

    /// The page has new data in some CPU's cache.
    void stored(std::uint64_t pfn);
    /// The page has new data, which went past the caches.
    void stored_through(std::uint64_t pfn);
    /// The page has the other one's data, in some CPU's cache.
    void copied(std::uint64_t from, std::uint64_t to);
    /// What was stored so far is on the media.
    void flushed(std::uint64_t pfn);
    /// A file leads to the block from now on, when `fsyncs` of them have begun.
    void linked(std::uint64_t pfn, std::uint64_t fsyncs);

    std::uint32_t on_media(std::uint64_t pfn) const { return pages_[pfn].on_media.get(); }
    bool linked_before(std::uint64_t pfn, std::uint64_t fsync) const {
        return pages_[pfn].linked_at.get() < fsync;
    }
    /// Between two steps of this kind a power cut finds the same as before the second: no other step needs to be told apart.
    void step();

  private:
    struct page {
        arch::oracle<std::uint32_t> stored{0};
        arch::oracle<std::uint32_t> on_media{0};
        arch::oracle<std::uint64_t> linked_at{0}; ///< kernel::fsync_count then
    };

    std::unique_ptr<page[]> pages_;
    arch::oracle<std::uint32_t> versions_{0};
    arch::atomic<unsigned> steps_{0};
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
