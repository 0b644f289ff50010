/// A job that several machines share.
#pragma once

namespace daxtorture::jobs {

/// The part that one of them does: number `index` of `count`, from 0.
struct shard {
    unsigned index = 0;
    unsigned count = 1;
};

} // namespace daxtorture::jobs
