// How fast the config has calls go.
#pragma once

#include "job/config.h"
#include "run/outlook.h"

namespace convoke {

inline PaceSettings pace_of(const Config& config) {
  return {config.limits, config.api.connections, config.api.timeout};
}

}  // namespace convoke
