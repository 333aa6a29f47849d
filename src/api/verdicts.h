// What verdicts are made of: the fates that kinds of answers have in store for a chunk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/verdict.h"

namespace convoke::verdicts {

using Members = std::vector<std::uint32_t>;

Members all_of(const Chunk& chunk);
Members without(const Members& members, const Members& taken);

/// The fate of members that were asked for once more and stay due, with a definite answer.
Fate due_again(const Chunk& chunk, const Judgement& how, int http_status, Reason reason, std::string error);

/// One fate for all of the chunk.
Verdict whole(Fate fate);

void add_halves(std::vector<Piece>& pieces, const Members& members, const Fate& fate);

/// Nothing came of the call: another try, after a wait, unless that was the last.
Verdict retry(const Chunk& chunk, const Judgement& how, int http_status, Reason reason, std::string error);

/// The same of a call that may have taken effect. What only reads has none. A creation that may have had one is looked
/// up before it is asked for again.
Verdict doubt(const Chunk& chunk, const Judgement& how, int http_status, Reason reason, std::string error);

/// A doubt that says nothing of the chunk: it is due at once, and no try is used up.
Verdict doubt_without_a_try(const Chunk& chunk, const Judgement& how, int http_status, Reason reason,
                            std::string error);

/// A 2xx that is not of the contract. Before anything was ever accepted, it is likely no answer of the API's.
Verdict odd_answer(const Chunk& chunk, const Judgement& how, int status, std::string error);

/// "a 200 with a body: …"
std::string words_of_strange(const Answer& answer, const Judgement& how);

/// A 2xx with a body that the contract does not know. A proxy's page is no answer of the API's.
Verdict judge_strange(const Answer& answer, const Chunk& chunk, const Judgement& how);

/// The chunk stays as due as it was, and pays with nothing: what is wrong is not its own.
Verdict put_off(const Chunk& chunk, const Judgement& how, Effect effect, int status, Reason reason,
                std::string message);

}  // namespace convoke::verdicts
