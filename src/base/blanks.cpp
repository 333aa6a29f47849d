#include "base/blanks.h"

#include <cstddef>

namespace convoke {

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view trim_invisible(std::string_view text) {
  for (std::size_t before = 0; before != text.size();) {
    text = trim_blanks(text);
    before = text.size();
    for (const std::string_view one : invisible_characters) {
      if (text.starts_with(one)) text.remove_prefix(one.size());
      if (text.ends_with(one)) text.remove_suffix(one.size());
    }
  }
  return text;
}

}  // namespace convoke
