// How much a command shows of what it does, on standard error.
#pragma once

namespace convoke {

enum class ShowProgress {
  never,
  unexpected,  ///< only what takes longer than one would think
  log,         ///< a line now and then
  line         ///< one line of a terminal, again and again
};

}  // namespace convoke
