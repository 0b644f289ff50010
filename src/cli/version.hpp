/// Which program this is: version, build, compiler and the packages that it was built with.
#pragma once

#include <string>

namespace daxtorture::cli {

/// Several lines; the first is "daxtorture VERSION".
std::string version_text();

} // namespace daxtorture::cli
