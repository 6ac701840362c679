# SPDX-License-Identifier: Apache-2.0
# A manual page in mdoc out of what a program says about itself (--experimental-dump-help).
#   jq -r --arg section 8 --arg date "November 21, 2026" -f scripts/man.jq

# A line that begins with a dot or an apostrophe would be a request, and a backslash an escape.
def text: gsub("\\\\"; "\\e") | gsub("(?m)^(?<c>[.'])"; "\\&\(.c)");
# One sentence a line, paragraphs apart; what is indented is an example.
def prose: split("\n") | map(
    if . == "" then ".Pp"
    elif startswith("  ") then ".Dl \(ltrimstr("  ") | text)"
    else text end) | join("\n");
def dashes: map(if .kind == "short" then "\\-\(.name)" else "\\-\\-\(.name | gsub("-"; "\\-"))" end) | join(", ");
def operand: if .kind == "positional" then ".Ar \(.valueName)" elif .kind == "flag" then .names | dashes else "\(.names | dashes) Ar \(.valueName)" end;
def shown: (.arguments // []) | map(select(.shouldDisplay and .valueName != "help" and .valueName != "version"));
def brief($inherited): shown | map(select((.kind == "positional") or ([.valueName] | inside($inherited) | not))) | map(
    (if .kind == "positional" then "Ar \(.valueName)\(if .isRepeating then " ..." else "" end)"
     elif .kind == "flag" then "Fl Fl \(.valueName)" else "Fl Fl \(.valueName) Ar \(.valueName)" end) as $words
    | if .isOptional then ".Op \($words)" else ".\($words)" end) | join("\n");
def described: map(".It \(if .kind == "positional" then "Ar \(.valueName)" else (.names | map(if .kind == "short" then "Fl \(.name)" else "Fl Fl \(.name)" end) | join(" , ")) + (if .kind == "option" then " Ar \(.valueName)" else "" end) end)\n\((.abstract // "") | text)\(if .defaultValue then "\nThe default is \(.defaultValue | text)." else "" end)");
def leaves($path): if ((.subcommands // []) | length) > 0 and ($path | length) < 3
    then [.subcommands[] | select(.commandName != "help") | leaves($path + [.commandName])[]]
    else [{path: $path, command: .}] end;

.command as $root
| ($root | shown | map(.valueName)) as $common
| ".\\\" SPDX-License-Identifier: Apache-2.0
.Dd \($date)
.Dt \($root.commandName | ascii_upcase) \($section)
.Os
.Sh NAME
.Nm \($root.commandName)
.Nd \(($root.abstract // "") | rtrimstr(".") | text)
.Sh SYNOPSIS
.Nm
.Ar command
.Op Ar options
.Sh DESCRIPTION
\(($root.abstract // "") | text)
.Pp
\(($root.discussion // "") | prose)",
(if ($root | shown | length) > 0 then
".Sh OPTIONS OF EVERY COMMAND
.Bl -tag -width Ds
\($root | shown | described | join("\n"))
.El" else empty end),
".Sh COMMANDS",
($root | leaves([])[] |
  ".Ss \(.path | join(" "))
.Nm
.Cm \(.path | join(" "))
\(.command | brief($common))
.Pp
\((.command.abstract // "") | text)\(if .command.discussion then "\n.Pp\n\(.command.discussion | prose)" else "" end)",
  (.command | shown | map(select(.valueName as $name | $common | index($name) | not)) |
    if length > 0 then ".Bl -tag -width Ds\n\(described | join("\n"))\n.El" else empty end)),
".Sh SEE ALSO
.Xr cpumapctl 1 ,
.Xr cpumapd.yaml 5 ,
.Xr cpumapd 8"
