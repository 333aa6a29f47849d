#include "source/workbook.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "source/xml_reader.h"

namespace convoke {
namespace {

constexpr std::size_t most_kept = 1UL << 20;  // bytes of names and the like; a workbook has some hundreds

constexpr auto save_hint = "open it in a spreadsheet program, and save it as .xlsx";

/// What is kept of a part, counted.
class Kept {
 public:
  explicit Kept(std::string file) : file_(std::move(file)) {}

  std::string copy(std::optional<std::string_view> text) {
    constexpr std::size_t beside = 64;  // for each
    size_ += text.value_or("").size() + beside;
    if (size_ > most_kept) throw Error(Exit::bad_source, "has too many parts for a spreadsheet", file_, save_hint);
    return std::string(text.value_or(""));
  }

 private:
  std::string file_;
  std::size_t size_ = 0;
};

struct Relation {
  std::string kind;  ///< the last word of its type: "worksheet"
  std::string part;
};

/// The parts that belong to a part, by the ids that it calls them by.
class RelationsHandler final : public XmlHandler {
 public:
  RelationsHandler(std::string folder, std::string file) : folder_(std::move(folder)), kept_(std::move(file)) {}

  void begin(std::string_view element, const XmlAttributes& attributes) override {
    if (element != "Relationship" || attributes.get("TargetMode") == "External") return;
    const std::string_view type = attributes.get("Type").value_or("");
    const std::filesystem::path target = kept_.copy(attributes.get("Target"));
    const std::filesystem::path path = target.is_absolute() ? target.relative_path() : folder_ / target;
    relations[kept_.copy(attributes.get("Id"))] = {kept_.copy(type.substr(type.rfind('/') + 1)),
                                                   path.lexically_normal().generic_string()};
  }
  void end(std::string_view) override {}
  void text(std::string_view) override {}

  std::map<std::string, Relation> relations;

 private:
  std::filesystem::path folder_;
  Kept kept_;
};

class WorkbookHandler final : public XmlHandler {
 public:
  explicit WorkbookHandler(std::string file) : kept_(std::move(file)) {}

  void begin(std::string_view element, const XmlAttributes& attributes) override {
    if (element == "workbookPr") {
      const std::string_view from_1904 = attributes.get("date1904").value_or("");
      workbook.from_1904 = from_1904 == "1" || from_1904 == "true" || from_1904 == "on";
    }
    // Its part by its id, for the time being.
    if (element == "sheet")
      workbook.sheets.push_back({kept_.copy(attributes.get("name")), kept_.copy(attributes.get("id"))});
  }
  void end(std::string_view) override {}
  void text(std::string_view) override {}

  Workbook workbook;

 private:
  Kept kept_;
};

void read_part(ZipFile& file, const std::string& part, XmlHandler& handler) {
  const auto bytes = file.open(part);
  XmlReader(*bytes, handler, file.name(), part).run();
}

/// Of `part`; of the file itself, if that is empty.
std::map<std::string, Relation> relations_of(ZipFile& file, const std::filesystem::path& part) {
  const std::filesystem::path folder = part.parent_path();
  RelationsHandler handler(folder, file.name());
  read_part(file, (folder / "_rels" / (part.filename().string() + ".rels")).generic_string(), handler);
  return std::move(handler.relations);
}

std::string part_of_kind(const std::map<std::string, Relation>& relations, std::string_view kind) {
  const auto found = std::find_if(relations.begin(), relations.end(),
                                  [kind](const auto& relation) { return relation.second.kind == kind; });
  return found == relations.end() ? std::string() : found->second.part;
}

[[noreturn]] void fail_no_workbook(const ZipFile& file, std::string what) {
  throw Error(Exit::bad_source, std::move(what), file.name(), save_hint);
}

}  // namespace

Workbook read_workbook(ZipFile& file) {
  if (!file.has("_rels/.rels")) {
    fail_no_workbook(file, file.has("content.xml") ? "is an OpenDocument file (.ods), not .xlsx"
                                                   : "is a zip file, and no .xlsx spreadsheet");
  }
  const std::string part = part_of_kind(relations_of(file, {}), "officeDocument");
  if (part.ends_with(".bin")) fail_no_workbook(file, "is a binary spreadsheet (.xlsb), not .xlsx");
  if (part.empty()) fail_no_workbook(file, "is a zip file, and no .xlsx spreadsheet");
  WorkbookHandler handler(file.name());
  read_part(file, part, handler);
  Workbook workbook = std::move(handler.workbook);
  const auto relations = relations_of(file, part);
  std::erase_if(workbook.sheets, [&](Workbook::Sheet& sheet) {
    const auto found = relations.find(sheet.part);
    if (found == relations.end() || found->second.kind != "worksheet") return true;
    sheet.part = found->second.part;
    return false;
  });
  if (workbook.sheets.empty()) fail_no_workbook(file, "has no sheet with cells");
  workbook.strings_part = part_of_kind(relations, "sharedStrings");
  workbook.formats_part = part_of_kind(relations, "styles");
  return workbook;
}

const Workbook::Sheet& sheet_of(const Workbook& workbook, const std::optional<std::string>& name,
                                const std::string& file) {
  if (!name) return workbook.sheets.front();
  constexpr std::size_t most_named = 20;
  std::vector<std::string> names;
  std::string list;
  for (const Workbook::Sheet& sheet : workbook.sheets) {
    if (sheet.name == *name) return sheet;
    if (names.size() < most_named) list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", excerpt(sheet.name, 60));
    names.push_back(excerpt(sheet.name, 60));
  }
  if (names.size() > most_named) list += fmt::format(" and {} more", names.size() - most_named);
  const std::string near = nearest(*name, names);
  throw Error(Exit::bad_source, fmt::format("there is no sheet \"{}\"", excerpt(*name)), file,
              fmt::format("{}the sheets are {}", near.empty() ? "" : fmt::format("did you mean \"{}\"? ", near), list));
}

}  // namespace convoke
