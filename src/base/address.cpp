#include "base/address.h"

#include <algorithm>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "base/blanks.h"
#include "base/text.h"

namespace convoke {
namespace {

std::string_view bare(std::string_view text) {
  text = trim_invisible(text);
  if (text.starts_with('<') && text.ends_with('>')) text = trim_invisible(text.substr(1, text.size() - 2));
  constexpr std::string_view scheme = "mailto:";
  if (lower_case(text.substr(0, scheme.size())) == scheme) text = trim_invisible(text.substr(scheme.size()));
  return text;
}

bool has_shape_of_address(std::string_view text) {
  if (text.size() > longest_address) return false;
  const auto at = text.find('@');
  if (at == 0 || at >= text.size() - 1 || text.find('@', at + 1) != std::string_view::npos) return false;
  if (text.find_first_of(" ,<>") != std::string_view::npos || !is_visible(text)) return false;
  return std::none_of(invisible_characters.begin(), invisible_characters.end(),
                      [&](std::string_view one) { return text.find(one) != std::string_view::npos; });
}

}  // namespace

std::optional<std::string> folded_address(std::string_view text) {
  text = bare(text);
  if (!has_shape_of_address(text)) return std::nullopt;
  return lower_case(text);
}

std::size_t size_in_query(std::string_view address) {
  return boost::urls::encoded_size(address, boost::urls::unreserved_chars);
}

}  // namespace convoke
