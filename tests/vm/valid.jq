# SPDX-License-Identifier: MIT
#
# valid.jq - what is wrong with a document, a line each, after the definition $name of the JSON schema $schema
#
# Of the schema's words those that ours uses: $ref into $defs, type, enum, pattern, minimum, properties, required,
# additionalProperties, items. A word that is not known here is a complaint, so that none is overlooked.

def known: ["$ref", "description", "type", "enum", "pattern", "minimum", "properties", "required", "additionalProperties", "items"];

def is_a($word): if $word == "integer" then type == "number" and . == floor else type == $word end;

def complaints($schema; $root; $at):
	. as $value
	| ($schema | keys - known | .[] | "\($at): the schema says \(.), which is not understood"),
	  (if $schema["$ref"] then complaints($root["$defs"][$schema["$ref"] | ltrimstr("#/$defs/")]; $root; $at) else empty end),
	  (if $schema.type and ([$schema.type] | flatten | any(. as $word | $value | is_a($word)) | not)
	   then "\($at): \($value | tojson) is no \($schema.type | tojson)" else empty end),
	  (if $schema.enum and ($schema.enum | index([$value]) | not) then "\($at): \($value | tojson) is none of \($schema.enum | tojson)" else empty end),
	  (if $schema.pattern and type == "string" and (test($schema.pattern) | not) then "\($at): \($value | tojson) is not like \($schema.pattern)" else empty end),
	  (if $schema.minimum and type == "number" and . < $schema.minimum then "\($at): \($value) is too little" else empty end),
	  (if type == "object"
	   then (($schema.required // [])[] | select(. as $key | $value | has($key) | not) | "\($at): there is no \(.)"),
		(keys[] as $key
		 | ($schema.properties // {})[$key] as $own
		 | if $own then .[$key] | complaints($own; $root; "\($at).\($key)")
		   elif $schema.additionalProperties == false then "\($at): \($key) is not described"
		   elif $schema.additionalProperties then .[$key] | complaints($schema.additionalProperties; $root; "\($at).\($key)")
		   else empty end)
	   else empty end),
	  (if type == "array" and $schema.items then range(length) as $i | .[$i] | complaints($schema.items; $root; "\($at)[\($i)]") else empty end);

complaints($schema[0]["$defs"][$name]; $schema[0]; $name)
