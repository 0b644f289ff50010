/// A directory of its own for a test, removed with all that is in it.
#pragma once

#include "tests/catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>

namespace daxtorture::tests {

struct scratch {
    std::filesystem::path path;
    scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "daxtorture-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~scratch() {
        std::filesystem::permissions(path,
                                     std::filesystem::perms::owner_all); // a test may have taken them away
        std::filesystem::remove_all(path);
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
};

} // namespace daxtorture::tests
