#include "sandbox/participant.h"

#include <array>
#include <cstring>
#include <string>

#include "base/text.h"
#include "sandbox/random.h"

namespace convoke {
namespace {

// Fixed room, so that a name is copied with one move and its length only decides where the next text begins.
struct Word {
  std::array<char, 16> text{};
  std::size_t size = 0;

  constexpr Word(const char* from) {
    for (; from[size] != '\0'; ++size) text.at(size) = from[size];
  }
};
struct Name {
  Word shown;
  Word address;
};

constexpr auto first_names = std::to_array<Name>({{"Amélie", "amelie"},
                                                  {"Ben", "ben"},
                                                  {"Clara", "clara"},
                                                  {"David", "david"},
                                                  {"Emre", "emre"},
                                                  {"Fatima", "fatima"},
                                                  {"Grace", "grace"},
                                                  {"Hannah", "hannah"},
                                                  {"İpek", "ipek"},
                                                  {"Jonas", "jonas"},
                                                  {"Katarzyna", "katarzyna"},
                                                  {"Lê", "le"},
                                                  {"Maximilian", "maximilian"},
                                                  {"Noor", "noor"},
                                                  {"Søren", "soren"},
                                                  {"Zoë", "zoe"}});
constexpr auto last_names = std::to_array<Name>({{"Andersson", "andersson"},
                                                 {"Bauer", "bauer"},
                                                 {"Çelik", "celik"},
                                                 {"Dubois", "dubois"},
                                                 {"Fischer", "fischer"},
                                                 {"García", "garcia"},
                                                 {"Haddad", "haddad"},
                                                 {"Jansen", "jansen"},
                                                 {"Kowalska", "kowalska"},
                                                 {"Müller", "mueller"},
                                                 {"Nguyễn", "nguyen"},
                                                 {"O'Brien", "obrien"},
                                                 {"Rossi", "rossi"},
                                                 {"Schmidt", "schmidt"},
                                                 {"Weiß", "weiss"},
                                                 {"Yılmaz", "yilmaz"}});

class Pen {
 public:
  explicit Pen(char* at) : at_(at) {}

  template <std::size_t N>
  Pen& text(const char (&literal)[N]) {
    std::memcpy(at_, literal, N - 1);
    at_ += N - 1;
    return *this;
  }
  Pen& text(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Pen& word(const Word& word) {
    std::memcpy(at_, word.text.data(), word.text.size());
    at_ += word.size;
    return *this;
  }
  Pen& id(const MemberId& id) {
    id.write(at_);
    at_ += MemberId::text_size;
    return *this;
  }
  Pen& hex(std::uint64_t value, int digits) {
    for (int i = 0; i < digits; ++i, value >>= 4) *at_++ = "0123456789abcdef"[value & 15];
    return *this;
  }
  char* at() const { return at_; }

 private:
  char* at_;
};

/// Somebody is made up of this.
std::uint64_t person_of(const MemberId& id) {
  return MemberTable::hash(0, id);
}
const Name& first_name(std::uint64_t person) {
  return first_names[person & 15];
}
const Name& last_name(std::uint64_t person) {
  return last_names[(person >> 4) & 15];
}
bool has_no_names(std::uint64_t person) {
  return (person >> 60) == 0;
}

void write_made_up_address(Pen& pen, std::uint64_t person) {
  pen.word(first_name(person).address).text(".").word(last_name(person).address).text(".").hex(person >> 8, 8);
  pen.text("@example.com");
}

/// All that follows the names of somebody who is more than invited.
void write_progress(Pen& pen, const MemberRecord& member, TargetKind kind, std::string_view invited_at,
                    std::uint64_t rate_if_started) {
  const std::string changed = time_json(kind, member.changed_at());
  const bool completed = member.participation == Participation::completed;
  const bool unenrolled = member.participation == Participation::unenrolled;
  const auto changed_if = [&](bool so) { return so ? std::string_view(changed) : std::string_view("null"); };
  pen.text(",\"status\":\"").text(name_of(member.participation)).text("\",\"invitedAt\":").text(invited_at);
  pen.text(",\"startedAt\":").text(changed_if(!unenrolled)).text(",\"completedAt\":").text(changed_if(completed));
  pen.text(",\"unenrolledAt\":").text(changed_if(unenrolled)).text(",\"lastActivityAt\":").text(changed_if(true));
  const std::uint64_t rate = completed ? 100 : unenrolled ? 0 : rate_if_started;
  pen.text(",\"completionRate\":").text(std::string_view(std::to_string(rate))).text("}");
}

}  // namespace

std::string made_up_address(const MemberId& id) {
  std::string address(64, '\0');
  Pen pen(address.data());
  write_made_up_address(pen, person_of(id));
  address.resize(static_cast<std::size_t>(pen.at() - address.data()));
  return address;
}

std::optional<ShownNames> names_of(const MemberId& id) {
  const std::uint64_t person = person_of(id);
  if (has_no_names(person)) return std::nullopt;
  const auto shown = [](const Name& name) { return std::string_view(name.shown.text.data(), name.shown.size); };
  return ShownNames{shown(first_name(person)), shown(last_name(person))};
}

KnownPerson::KnownPerson(const SpotMember* member) {
  if (member == nullptr) return;
  address_json = json_string(member->address);
  nameless = member->made;
}

TargetText::TargetText(const Target& target) : kind(target.kind), json(json_string(target.id)) {
  for (const char c : target.id) hash = mix(hash ^ static_cast<unsigned char>(c));
}

std::string time_json(TargetKind kind, WallTime time) {
  return kind == TargetKind::learning_path ? std::to_string(time.time_since_epoch().count())
                                           : json_string(format_time(time));
}

char* write_participant(char* out, const MemberRecord& member, const KnownPerson& known, const TargetText& target,
                        std::string_view invited_at) {
  const std::uint64_t person = person_of(member.id);
  Pen pen(out);
  pen.text("{\"id\":\"")
      .id(id_from(person ^ target.hash))
      .text(target.kind == TargetKind::learning_path ? std::string_view("\",\"learningPathId\":")
                                                     : std::string_view("\",\"courseId\":"))
      .text(std::string_view(target.json));
  pen.text(",\"spotMemberId\":\"").id(member.id).text("\",\"spotMemberEmail\":");
  if (known.address_json.empty()) {
    pen.text("\"");
    write_made_up_address(pen, person);
    pen.text("\"");
  } else {
    pen.text(std::string_view(known.address_json));
  }
  if (known.nameless || has_no_names(person)) {
    pen.text(",\"spotMemberFirstname\":null,\"spotMemberLastname\":null");
  } else {
    pen.text(",\"spotMemberFirstname\":\"").word(first_name(person).shown);
    pen.text("\",\"spotMemberLastname\":\"").word(last_name(person).shown).text("\"");
  }
  if (member.participation > Participation::invited) {
    write_progress(pen, member, target.kind, invited_at, 1 + person % 99);
  } else {
    pen.text(",\"status\":\"Invited\",\"invitedAt\":").text(invited_at);
    pen.text(
        ",\"startedAt\":null,\"completedAt\":null,\"unenrolledAt\":null,\"lastActivityAt\":null,"
        "\"completionRate\":0}");
  }
  return pen.at();
}

}  // namespace convoke
