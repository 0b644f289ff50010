#include "jobs/hunt/canonical.hpp"

#include "base/fnv1a.hpp"
#include "scenario/parser.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace daxtorture::jobs::hunt {
namespace {

constexpr unsigned unnamed = ~0U;

template <class Program, class Visit> void each_operation(Program& of, Visit visit) {
    std::for_each(of.setup.begin(), of.setup.end(), visit);
    for (auto& thread : of.threads)
        std::for_each(thread.operations.begin(), thread.operations.end(), visit);
}

bool lives_on_pmem(const file_config& file) { return !is_device(file.fs) && !file.dmap; }

/// The number of the file behind a device operand, which is not pmem0's.
unsigned file_of_device(const world_config& world, unsigned device) {
    unsigned file = 0;
    for (unsigned met = 0;; ++file)
        if (is_device(world.files[file].fs) && ++met == device)
            return file;
}
unsigned device_of_file(const world_config& world, unsigned file) {
    return static_cast<unsigned>(1 +
                                 std::count_if(world.files.begin(), world.files.begin() + file,
                                               [](const file_config& other) { return is_device(other.fs); }));
}

unsigned block_at(const std::vector<block_place>& places, block_place wanted) {
    const auto found = std::ranges::find_if(
        places, [&](const block_place& one) { return one.file == wanted.file && one.page == wanted.page; });
    return static_cast<unsigned>(std::min(found, places.end() - 1) - places.begin());
}

/// What an operation names: calls back for each mm, file and device page, which may be changed in place.
template <class Names> void visit_operands(operation& o, const world_config& world, Names& names) {
    switch (info(o.kind).takes) {
    case operands::none:
        break;
    case operands::mm:
    case operands::mm_page:
    case operands::mm_pages:
        names.mm(o.object);
        break;
    case operands::two_mms:
        names.mm(o.object);
        names.mm(o.other);
        break;
    case operands::thread:
        names.thread(o.object);
        break;
    case operands::two_files:
        names.file(o.object);
        names.file(o.other);
        break;
    case operands::file:
    case operands::file_size:
    case operands::file_range:
        names.file(o.object);
        break;
    case operands::device:
    case operands::device_page:
        if (o.object != 0)
            names.device(o.object, world);
        else if (info(o.kind).takes == operands::device_page)
            names.block(o.first);
        break;
    }
}

/// Which pages of each file something names; a page that nothing names is left out.
class named_pages {
  public:
    explicit named_pages(program& what) : what_(what) {
        for (const file_config& file : what.world.files)
            named_.emplace_back(file.pages, false);
    }

    /// Pages at the ends of runs, and where trees have a second level, are what they are.
    static bool may_be_left_out(const program& what) {
        const unsigned chunk = 1U << what.world.shape.chunk_shift;
        return std::ranges::none_of(what.world.files, [&](const file_config& file) {
            return file.huge || file.align != page_align::pte || file.pages > chunk;
        });
    }

    void leave_out_others() {
        const std::vector<block_place> before = first_places(what_.world);
        each_operation(what_, [&](const operation& o) { note(o, before); });
        for (const mm_config& mm : what_.world.mms)
            for (const area_config& area : mm.areas)
                keep_a_page(area);
        for (std::vector<bool>& pages : named_)
            if (std::ranges::find(pages, true) == pages.end())
                pages[0] = true;
        const std::vector<mm_config> mms = what_.world.mms;
        for (unsigned f = 0; f < named_.size(); ++f)
            what_.world.files[f].pages = new_page(f, what_.world.files[f].pages);
        shrink_areas();
        const std::vector<block_place> after = first_places(what_.world);
        each_operation(what_, [&](operation& o) { renumber(o, mms, before, after); });
    }

  private:
    static unsigned file_page(const area_config& area, unsigned page) {
        const unsigned at = page - area.at < area.pages() ? area.at : *area.or_at;
        return area.first_page + page - at;
    }
    static const area_config& area_at(const mm_config& mm, unsigned page) {
        return *std::ranges::find_if(mm.areas, [&](const area_config& area) { return area.covers(page); });
    }

    /// An area has pages.
    void keep_a_page(const area_config& area) {
        const auto first = named_[area.file].begin() + area.first_page;
        if (std::find(first, first + area.pages(), true) == first + area.pages())
            *first = true;
    }

    void note(const operation& o, const std::vector<block_place>& places) {
        switch (info(o.kind).takes) {
        case operands::mm_page:
        case operands::mm_pages:
            for (unsigned page = o.first; page < o.pages_end(); ++page) {
                const area_config& area = area_at(what_.world.mms[o.object], page);
                named_[area.file][file_page(area, page)] = true;
            }
            break;
        case operands::file_size:
            if (o.first < named_[o.object].size())
                named_[o.object][o.first] = true;
            break;
        case operands::file_range:
            for (unsigned page = o.first; page < o.last; ++page)
                named_[o.object][page] = true;
            break;
        case operands::device_page:
            if (o.object != 0)
                named_[file_of_device(what_.world, o.object)][o.first] = true;
            else if (places[o.first].file != block_place::nobody)
                named_[places[o.first].file][places[o.first].page] = true;
            break;
        default:
            break;
        }
    }

    /// Where a page stands when those before it that nothing names are left out.
    unsigned new_page(unsigned file, unsigned page) const {
        return static_cast<unsigned>(std::count(
            named_[file].begin(),
            named_[file].begin() + std::min<std::ptrdiff_t>(page, std::ssize(named_[file])), true));
    }
    unsigned new_virtual_page(const area_config& before, const area_config& after, unsigned page) const {
        const unsigned at = page - before.at < before.pages() ? after.at : *after.or_at;
        return at + new_page(before.file, file_page(before, page)) - after.first_page;
    }

    void shrink_areas() {
        for (mm_config& mm : what_.world.mms) {
            unsigned end = 0;
            for (area_config& area : mm.areas) {
                area.last_page = new_page(area.file, area.last_page);
                area.first_page = new_page(area.file, area.first_page);
                area.at = end == 0 && !area.or_at ? area.first_page : end;
                end = std::max(end, area.at + area.pages());
                if (area.or_at)
                    area.or_at = end, end += area.pages();
            }
        }
    }

    void renumber(operation& o, const std::vector<mm_config>& before, const std::vector<block_place>& places,
                  const std::vector<block_place>& places_after) const {
        switch (info(o.kind).takes) {
        case operands::mm_page:
        case operands::mm_pages: {
            const mm_config& old = before[o.object];
            const auto moved = [&](unsigned page) {
                const area_config& area = area_at(old, page);
                const auto number = &area - old.areas.data();
                return new_virtual_page(area, what_.world.mms[o.object].areas[number], page);
            };
            o.last = o.last == 0 ? 0 : moved(o.last - 1) + 1;
            o.first = moved(o.first);
            break;
        }
        case operands::file_size:
            o.first = new_page(o.object, o.first);
            break;
        case operands::file_range:
            o.first = new_page(o.object, o.first);
            o.last = new_page(o.object, o.last);
            break;
        case operands::device_page:
            if (o.object != 0) {
                o.first = new_page(file_of_device(what_.world, o.object), o.first);
            } else {
                block_place place = places[o.first];
                if (place.file != block_place::nobody)
                    place.page = new_page(place.file, place.page);
                o.first = block_at(places_after, place);
            }
            break;
        default:
            break;
        }
    }

    program& what_;
    std::vector<std::vector<bool>> named_;
};

/// New numbers in the order in which the operations name things, threads in a given order.
class renaming {
  public:
    renaming(const program& what, const std::vector<unsigned>& order)
        : old_(what), order_(order), mms_(what.world.mms.size(), unnamed),
          files_(what.world.files.size(), unnamed), places_(first_places(what.world)) {
        new_.setup = what.setup;
        for (const unsigned thread : order)
            new_.threads.push_back(what.threads[thread]);
    }

    program make() {
        each_operation(new_, [&](operation& o) { visit_operands(o, old_.world, *this); });
        name_what_a_device_needs();
        build_world();
        const std::vector<block_place> places = first_places(new_.world);
        each_operation(new_, [&](operation& o) { place_block(o, places); });
        for (std::size_t i = 0; i < new_.threads.size(); ++i)
            new_.threads[i].name = "t" + std::to_string(i);
        return std::move(new_);
    }

    // What an operation names, and gets its new number for.
    void mm(std::uint8_t& number) {
        if (mms_[number] == unnamed) {
            mms_[number] = static_cast<unsigned>(mm_order_.size());
            mm_order_.push_back(number);
            for (const area_config& area : old_.world.mms[number].areas)
                name_file(area.file);
        }
        number = static_cast<std::uint8_t>(mms_[number]);
    }
    void file(std::uint8_t& number) { number = static_cast<std::uint8_t>(name_file(number)); }
    void thread(std::uint8_t& number) const {
        number = static_cast<std::uint8_t>(std::ranges::find(order_, number) - order_.begin());
    }
    /// A device is numbered among devices once all files have their numbers; until then by its file.
    void device(std::uint8_t& number, const world_config& world) {
        number = static_cast<std::uint8_t>(1 + name_file(file_of_device(world, number)));
    }
    void block(std::uint32_t page) {
        if (const unsigned owner = places_[page].file; owner != block_place::nobody)
            name_file(owner);
    }

  private:
    unsigned name_file(unsigned number) {
        if (files_[number] == unnamed) {
            files_[number] = static_cast<unsigned>(file_order_.size());
            file_order_.push_back(number);
        }
        return files_[number];
    }

    /// Whether pmem0 is held, and by whom, hangs on all files that live there; and some file there must be.
    void name_what_a_device_needs() {
        bool concerned = file_order_.empty();
        each_operation(old_, [&](const operation& o) { concerned = concerned || concerns_devices(o.kind); });
        std::vector<unsigned> others;
        for (unsigned f = 0; f < files_.size() && concerned; ++f)
            if (files_[f] == unnamed && lives_on_pmem(old_.world.files[f]))
                others.push_back(f);
        std::ranges::stable_sort(others, {}, [&](unsigned f) {
            const file_config& file = old_.world.files[f];
            return std::tuple(file.fs, file.pages, file.huge);
        });
        for (const unsigned f : others)
            name_file(f);
    }

    void build_world() {
        world_config& world = new_.world;
        world = old_.world;
        world.files.clear();
        world.mms.clear();
        for (const unsigned number : file_order_) {
            world.files.push_back(old_.world.files[number]);
            world.files.back().name = std::string(1, static_cast<char>('A' + world.files.size() - 1));
        }
        for (const unsigned number : mm_order_) {
            world.mms.push_back(old_.world.mms[number]);
            world.mms.back().name = "m" + std::to_string(world.mms.size() - 1);
            for (area_config& area : world.mms.back().areas)
                area.file = files_[area.file];
        }
    }

    void place_block(operation& o, const std::vector<block_place>& places) const {
        const operands takes = info(o.kind).takes;
        if (takes != operands::device && takes != operands::device_page)
            return;
        if (o.object != 0) {
            o.object = static_cast<std::uint8_t>(device_of_file(new_.world, o.object - 1U));
        } else if (takes == operands::device_page) {
            block_place place = places_[o.first];
            if (place.file != block_place::nobody)
                place.file = files_[place.file];
            o.first = block_at(places, place);
        }
    }

    const program& old_;
    const std::vector<unsigned>& order_;
    program new_;
    std::vector<unsigned> mms_, files_;           ///< new numbers
    std::vector<unsigned> mm_order_, file_order_; ///< old numbers, by new one
    const std::vector<block_place> places_;
};

/// Everything but rules and names, as numbers to compare.
std::vector<std::uint32_t> numbers_of(const program& what) {
    std::vector<std::uint32_t> all;
    const world_config& w = what.world;
    const auto add = [&](auto... more) { (all.push_back(static_cast<std::uint32_t>(more)), ...); };
    for (const unsigned char c : w.machine.name)
        add(c);
    add(w.shape.pmd_order, w.shape.pud_order, w.shape.tlb_entries, w.altmap_pages, w.spare_blocks,
        w.files.size(), w.mms.size());
    for (const file_config& f : w.files)
        add(f.fs, f.pages, f.huge, f.dmap, f.align);
    for (const mm_config& mm : w.mms) {
        add(mm.areas.size());
        for (const area_config& a : mm.areas)
            add(a.file, a.first_page, a.last_page, a.at, a.shared, a.writable, a.sync,
                a.or_at ? *a.or_at + 1 : 0);
    }
    const auto add_all = [&](const std::vector<operation>& operations) {
        add(operations.size());
        for (const operation& o : operations)
            add(o.kind, o.flags, o.object, o.other, o.first, o.last);
    };
    add_all(what.setup);
    for (const thread_program& thread : what.threads)
        add_all(thread.operations);
    return all;
}

/// What no renaming changes: by it threads are put in order.
std::vector<std::uint32_t> shape_of(const thread_program& thread) {
    std::vector<std::uint32_t> shape;
    for (const operation& o : thread.operations)
        shape.push_back(static_cast<std::uint32_t>(o.kind) << 8 | o.flags);
    return shape;
}

void keep_header(program& into, const program& from) {
    into.source = from.source;
    into.comment = from.comment;
    into.name = from.name;
    into.title = from.title;
    into.claims = from.claims;
    into.protocol = from.protocol;
    into.rules = from.rules;
    into.memory = from.memory;
    into.geometry = from.geometry;
    into.expectations = from.expectations;
    into.notes = from.notes;
}

} // namespace

std::vector<block_place> first_places(const world_config& world) {
    const unsigned altmap = world.altmap_pages;
    std::vector<block_place> places(pmem_pages(world));
    const auto is_free = [&](unsigned block) {
        return block >= altmap && places[block].file == block_place::nobody;
    };
    const auto run_from = [&](unsigned length) {
        for (unsigned first = 0; first + length <= places.size(); first += length) {
            unsigned free = 0;
            for (unsigned i = 0; i < length; ++i)
                free += is_free(first + i);
            if (free == length)
                return first;
        }
        return static_cast<unsigned>(places.size());
    };
    for (unsigned f = 0; f < world.files.size(); ++f) {
        const file_config& file = world.files[f];
        const unsigned run = file.huge ? 1U << world.shape.pmd_order : 1;
        for (unsigned page = 0; lives_on_pmem(file) && page < file.pages;) {
            const bool fits = page % run == 0 && page + run <= file.pages;
            const unsigned first = fits ? run_from(run) : static_cast<unsigned>(places.size());
            const bool found = first < places.size();
            const unsigned length = found ? run : 1;
            const unsigned block = found ? first : run_from(1);
            for (unsigned i = 0; i < length; ++i, ++page)
                places[block + i] = {f, page};
        }
    }
    unsigned others = 0;
    for (block_place& place : places)
        if (place.file == block_place::nobody)
            place.page = others++;
    return places;
}

program canonical(const program& what) {
    std::vector<unsigned> order(what.threads.size());
    std::iota(order.begin(), order.end(), 0U);
    std::vector<std::vector<std::uint32_t>> shapes;
    for (const thread_program& thread : what.threads)
        shapes.push_back(shape_of(thread));
    std::ranges::stable_sort(order, {}, [&](unsigned i) { return shapes[i]; });
    program trimmed = renaming(what, order).make();
    if (named_pages::may_be_left_out(trimmed))
        named_pages(trimmed).leave_out_others();

    std::ranges::sort(shapes);
    std::iota(order.begin(), order.end(), 0U);
    program best;
    std::vector<std::uint32_t> least;
    do {
        const bool sorted = std::ranges::is_sorted(order, {}, [&](unsigned i) { return shapes[i]; });
        if (!sorted)
            continue;
        program renamed = renaming(trimmed, order).make();
        std::vector<std::uint32_t> numbers = numbers_of(renamed);
        if (least.empty() || numbers < least) {
            best = std::move(renamed);
            least = std::move(numbers);
        }
    } while (std::ranges::next_permutation(order).found);
    keep_header(best, what);
    note_uses(best);
    return best;
}

std::uint64_t fingerprint(const program& what) {
    const std::vector<std::uint32_t> numbers = numbers_of(what);
    return fnv1a({reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof numbers[0]});
}

} // namespace daxtorture::jobs::hunt
