// What the limits leave, and how long calls take under them, in words and as JSON.
#pragma once

#include <string>

#include "report/json.h"
#include "run/outlook.h"

namespace convoke {

/// What is used, and when a call may go, if not now.
std::string limits_text(const LimitsNow& limits);
JsonObject limits_json(const LimitsNow& limits);

std::string forecast_text(const Forecast& forecast);
JsonObject forecast_json(const Forecast& forecast);

}  // namespace convoke
