// A list as the API answers it: `{"items":[…],"total":n}`, of which a page.
#pragma once

#include <cstddef>
#include <string>

#include "sandbox/list_query.h"
#include "sandbox/reply.h"

namespace convoke {

class Listing {
 public:
  /// Begins the page that is asked for in the reply's body.
  Listing(const ListQuery& asked, SandboxReply& reply);

  /// Counts one item more. Whether it is on the page: then it is to be appended to the body, before the next.
  bool takes_next();
  /// Writes the total.
  void end();

 private:
  std::string& out_;
  std::size_t first_;
  std::size_t limit_;
  std::size_t total_ = 0;
};

}  // namespace convoke
