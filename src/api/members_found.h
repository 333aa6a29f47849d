// What an answer means that says whom addresses belong to: who was found, who is to be made, and who is nobody.
#pragma once

#include "api/verdict.h"

namespace convoke::verdicts {

/// A look-up's 200.
Verdict judge_found(Answer& answer, const Chunk& chunk, const Judgement& how);

/// A creation's 200 or 201.
Verdict judge_created(Answer& answer, const Chunk& chunk, const Judgement& how);

}  // namespace convoke::verdicts
