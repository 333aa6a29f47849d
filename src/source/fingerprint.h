// Whether a source is still what it was when it was read last, told without reading it.
#pragma once

#include <string>
#include <vector>

#include "source/settings.h"

namespace convoke {

/// A SHA-256 in hex that changes when the source or the way it is read changes: over the settings, `terms` (whatever
/// else decides what becomes of its rows), the file's absolute path, inode, size and time of change (ns), and its first
/// and last 64 KiB; of a database also over size and time of its write-ahead log. Empty for what can be read only once
/// (standard input, a pipe) and for a query that asks for the time or for chance: never known to be unchanged. Take it
/// before the source is read, so that a change meanwhile is seen next time. Throws Error no_input or disk.
std::string fingerprint_of(const SourceSettings& settings, const std::vector<std::string>& terms = {});

}  // namespace convoke
