-- Cycles through prepared requests: one line each, fields separated by tabs, headers by \1.
local prepared = {}
local at = 0

function init(args)
  for line in io.lines(args[1]) do
    local method, path, given, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = { ["Accept-Encoding"] = "gzip" }
    for name, value in given:gmatch("([^:\1]+): ([^\1]*)") do headers[name] = value end
    if body ~= "" then headers["Content-Type"] = "application/json" end
    prepared[#prepared + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
end

function request()
  at = at % #prepared + 1
  return prepared[at]
end
