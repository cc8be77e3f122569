// What a tool's declaration leaves out. Follows tool_declaration.cc branch by branch.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "chat/python_text.h"
#include "chat/python_values.h"
#include "chat/tool_declaration.h"

namespace carat {
namespace {

class Collector {
 public:
  explicit Collector(std::vector<std::string>& warnings) : warnings_(warnings) {}

  void Tool(const Json& tool, const std::string& where) {
    const Json* const function = tool.Find("function");
    if (function == nullptr || !function->is_object()) return;
    if (const Json* const params = function->Find("parameters"); IsMapping(params)) {
      Parameters(*params, where + ".function.parameters");
    }
    if (const Json* const response = function->Find("response"); IsMapping(response)) {
      Response(*response, where + ".function.response");
    }
  }

 private:
  static std::string TypeOf(const Json& schema) {
    return PythonUpper(PythonStr(schema.Find("type")));
  }

  void Warn(const std::string& where, std::string_view sentence) {
    warnings_.push_back(fmt::format("{}: {}", where, sentence));
  }
  void Dropped(const std::string& where) {
    Warn(where, "the chat template does not show this keyword to the model");
  }

  // The top of a function's parameters: properties, required and type are shown.
  void Parameters(const Json& params, const std::string& where) {
    for (const auto& [key, value] : params.object()) {
      const std::string place = where + "." + key;
      if (key == "properties") {
        if (value.is_object()) Properties(value.object(), place);
      } else if (key != "required" && key != "type") {
        Dropped(place);
      }
    }
    if (!params.object().empty() && !PythonTruthy(params.Find("type"))) {
      Warn(where, "without a type the chat template leaves its brace open");
    }
  }

  void Response(const Json& response, const std::string& where) {
    const bool shows_type = TypeOf(response) == "OBJECT";
    for (const auto& [key, value] : response.object()) {
      if (key == "description" || (key == "type" && shows_type)) continue;
      Dropped(where + "." + key);
    }
    if (!shows_type) {
      Warn(where, "unless the type is object the chat template leaves its brace open");
    }
  }

  void Properties(const Json::Object& properties, const std::string& where) {
    for (const auto& [name, schema] : properties) {
      if (schema.is_object()) {
        Property(schema, where + "." + name);
      } else {
        Warn(where + "." + name, "the chat template shows no more than its name");
      }
    }
  }

  void Property(const Json& schema, const std::string& where) {
    const std::string type = TypeOf(schema);
    const bool is_object = type == "OBJECT";
    const bool keywords_as_properties = is_object && !IsMapping(schema.Find("properties"));
    for (const auto& [key, value] : schema.object()) {
      const std::string place = where + "." + key;
      if (key == "description" || key == "type" || key == "nullable") continue;
      if (key == "required" && is_object) continue;
      if (key == "properties" && is_object) {
        if (value.is_object()) Properties(value.object(), place);
        if (!value.is_object()) Dropped(place);
      } else if (keywords_as_properties && key != "properties" && key != "required") {
        Warn(place, "the chat template shows this keyword as if it were a property");
      } else if (key == "items" && type == "ARRAY" && value.is_object()) {
        Items(value, place);
      } else if (key != "enum" || type != "STRING") {
        Dropped(place);
      }
    }
  }

  // Everything in items is shown, so only nested properties can lose something.
  void Items(const Json& items, const std::string& where) {
    const Json* const properties = items.Find("properties");
    if (IsMapping(properties)) Properties(properties->object(), where + ".properties");
  }

  std::vector<std::string>& warnings_;
};

}  // namespace

void AppendSchemaWarnings(const Json& tool, const std::string& where,
                          std::vector<std::string>& warnings) {
  Collector(warnings).Tool(tool, where);
}

}  // namespace carat
