# SPDX-License-Identifier: Apache-2.0
# Swift Testing's event stream in, one line per test function out: passed, failed or skipped, a tab, what and why.
[inputs]
| (map(select(.kind == "test" and .payload.kind == "function").payload.id)) as $functions
| map(select(.kind == "event").payload)
| (map(select(.kind == "testEnded")) | map({ key: .testID, value: .messages[0] }) | from_entries) as $ended
| (map(select(.kind == "testSkipped")) | map({ key: .testID, value: .messages[0] }) | from_entries) as $skipped
| (map(select(.kind == "testStarted").testID)) as $started
| (map(select(.kind == "testCaseCancelled").testID)
    | map(select($ended[.].symbol != "skip"))) as $cases
| ($functions[]
    | if $skipped[.] then "skipped\t\($skipped[.].text)"
      elif $ended[.].symbol == "skip" then "skipped\t\($ended[.].text)"
      elif $ended[.].symbol == "fail" then "failed\t\(.): \($ended[.].text)"
      elif $ended[.] then "passed\t\(.)"
      elif IN($started[]) then "failed\t\(.) started and never ended"
      else empty end),
  ($cases[] | "skipped\ta case of \(.) was cancelled")
