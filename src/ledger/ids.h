// The numbers by which the ledger knows things.
#pragma once

#include <cstdint>

namespace convoke {

using JobId = std::int64_t;
using RunId = std::int64_t;
using ChunkId = std::int64_t;
using CallId = std::int64_t;

}  // namespace convoke
