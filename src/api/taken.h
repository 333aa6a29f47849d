// What an answer means that takes the call as it is: who was invited by it, or before, or was not.
#pragma once

#include "api/verdict.h"

namespace convoke::verdicts {

/// A 201 with participants.
Verdict judge_invited(Answer& answer, const Chunk& chunk, const Judgement& how);

/// An empty 200 or 204: all were invited before.
Verdict judge_already(const Answer& answer, const Chunk& chunk, const Judgement& how);

/// A channel's 200, which names whom it has added and whom not.
Verdict judge_added(Answer& answer, const Chunk& chunk, const Judgement& how);

}  // namespace convoke::verdicts
