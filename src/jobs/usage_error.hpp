/// Bad input of whoever asked for a job.
#pragma once

#include <stdexcept>

namespace daxtorture::jobs {

/// The message is one line that names the file, option or value. Exit code 2.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace daxtorture::jobs
