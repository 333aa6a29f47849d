-- The bound of the wire: CALLS calls of 100 fresh members each, with answers of full size, as fast as wrk can, storing
-- nothing. For scripts/bench:
--
--   CALLS=10000 wrk -t1 -c8 -d60s -s replay.lua URL
--
-- Bodies are made in advance but for eight digits of each id, which are the call's number: written in place, so that
-- making a call costs next to nothing. (With one thread; a second one would ask for the same members.)
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long s; long ns; } timespec_t;
  int clock_gettime(int clock, timespec_t* at);
]]

local PER_CALL = 100
local HEX = { string.byte("0123456789abcdef", 1, 16) }
local calls, asked, started = tonumber(os.getenv("CALLS")), -1, nil  -- wrk asks once before it starts, to look at it
local request_text, size, marks

local function now()
  local at = ffi.new("timespec_t")
  ffi.C.clock_gettime(1, at)
  return tonumber(at.s) + tonumber(at.ns) / 1e9
end

function init()
  math.randomseed(1)
  local ids = {}
  for i = 1, PER_CALL do
    ids[i] = string.format('"@@@@@@@@-%04x-4%03x-a%03x-%06x%06x"', math.random(0, 0xffff), math.random(0, 0xfff),
      math.random(0, 0xfff), math.random(0, 0xffffff), math.random(0, 0xffffff))
  end
  wrk.headers["Authorization"] = "bench"
  wrk.headers["Content-Type"] = "application/json"
  local text = wrk.format("POST", nil, nil, '{"spotMemberIds":[' .. table.concat(ids, ",") .. "]}")
  size = #text
  request_text = ffi.new("char[?]", size + 1, text)
  marks = {}
  local from = 1
  for i = 1, PER_CALL do
    local at = text:find("@@@@@@@@", from, true)
    marks[i] = at - 1
    from = at + 8
  end
end

function request()
  asked = asked + 1
  if asked == 1 then started = now() end
  if asked > calls then
    print(string.format("calls %d seconds %.6f", calls, now() - started))
    io.flush()
    wrk.thread:stop()
  end
  local digits = ffi.new("char[8]")
  local rest = (asked + 1) * 2654435761 % 4294967296  -- scattered, and different for each call
  for i = 0, 7 do
    digits[i] = HEX[rest % 16 + 1]
    rest = math.floor(rest / 16)
  end
  for i = 1, PER_CALL do ffi.copy(request_text + marks[i], digits, 8) end
  return ffi.string(request_text, size)
end
