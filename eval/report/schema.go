package report

import (
	"encoding/json"
	"reflect"
	"strings"
)

// JSONSchema returns the JSON Schema (draft 2020-12) of a report, derived from the Go types; the copy in
// docs/report.schema.json is kept equal by a test.
func JSONSchema() ([]byte, error) {
	s := schemaBuilder{defs: map[string]any{}}
	root := s.of(reflect.TypeFor[Report]())
	doc := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     "https://github.com/plumbline-ml/plumbline/docs/report.schema.json",
		"title":   Schema,
		"$ref":    root["$ref"],
		"$defs":   s.defs,
	}
	raw, err := json.MarshalIndent(doc, "", " ")
	return append(raw, '\n'), err
}

type schemaBuilder struct{ defs map[string]any }

func (s schemaBuilder) of(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[Number]():
		return map[string]any{"anyOf": []any{
			map[string]any{"type": "number"},
			map[string]any{"enum": []string{"NaN", "+Inf", "-Inf"}},
		}}
	case reflect.TypeFor[Text]():
		return s.object(t.Name(), reflect.TypeFor[textJSON]())
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": []string{"array", "null"}, "items": s.of(t.Elem())}
	case reflect.Array:
		return map[string]any{"type": "array", "items": s.of(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Struct:
		return s.object(t.Name(), t)
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	}
	panic("report: no schema for " + t.String())
}

// object defines a struct once and refers to it.
func (s schemaBuilder) object(name string, t reflect.Type) map[string]any {
	ref := map[string]any{"$ref": "#/$defs/" + name}
	if _, done := s.defs[name]; done {
		return ref
	}
	s.defs[name] = nil // the types refer to no type above them, but a cycle would otherwise not end
	properties, required := map[string]any{}, []string{}
	for i := range t.NumField() {
		key, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if key == "" || key == "-" {
			continue
		}
		properties[key] = s.of(t.Field(i).Type)
		if !strings.Contains(options, "omit") {
			required = append(required, key)
		}
	}
	s.defs[name] = map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	return ref
}
