// What scenarios have in common: an outcome counted, a status answered.
#pragma once

#include <map>
#include <string>

#include "world.h"

namespace convoke {

inline std::map<std::string, int> tally(const std::map<std::string, std::string>& outcomes) {
  std::map<std::string, int> tally;
  for (const auto& [member, outcome] : outcomes) ++tally[outcome];
  return tally;
}

inline Fault answer_once(int status) {
  return {FaultKind::status, status, 1.0};
}

}  // namespace convoke
