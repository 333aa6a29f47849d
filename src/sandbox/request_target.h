// The target of a request line, taken apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convoke {

/// Undoes percent-encoding; nothing for a `%` without two hexadecimal digits.
std::optional<std::string> percent_decoded(std::string_view text);

/// Path and query of a target in origin form (`/a?b`) or absolute form (`http://host/a?b`), still encoded.
std::pair<std::string_view, std::string_view> path_and_query(std::string_view target);

/// The decoded segments of a path; nothing if one is badly encoded.
std::optional<std::vector<std::string>> path_segments(std::string_view path);

}  // namespace convoke
