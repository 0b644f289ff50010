/// Where in the kernel's source the hooks are: for each call site of one its chain of inlined functions, for each function its entry. Made by the
/// build (kernel/link.py), read when first asked.
#pragma once

#include <string>
#include <vector>

namespace daxtorture::kernel_machine {

struct source_place {
    std::string function;
    std::string file; ///< below the tree
    unsigned line = 0;
};

/// `tree`: directory of the sources.
void use_sites(std::string file, std::string tree);

/// The innermost function of a .c file at this place: what inline helpers of headers do is done by their user.
source_place source_of(const void* place);
std::string place_of(const void* place); ///< "mm/gup.c:123"
std::string function_of(const void* place);

/// All call sites inside a function, inlined or not; of one line, when that is not 0.
std::vector<const void*> sites_in(const std::string& function, unsigned line);
bool is_function(const std::string& name);

/// The text of a line of the tree, without blanks around it; empty when it cannot be read.
std::string source_line(const std::string& file, unsigned line);

/// "/home/me/linux/fs/dax.c" -> "fs/dax.c"
std::string below_tree(const std::string& path);

} // namespace daxtorture::kernel_machine
