import CausewayCore
import Foundation

/// Holds answers against the schemas of `openapi/causeway.yaml`, with the Python module jsonschema. Stricter than the
/// file in one thing: a member that the file does not name is a mistake here.
struct SchemaCheck {
    struct Answer {
        let method: String
        /// As in the file.
        let path: String
        let status: Int
        let contentType: String
        let body: JSONValue
    }

    /// One line for each mistake, in the answers and in the file's own examples.
    static func mistakes(in answers: [Answer]) throws -> String {
        let input = JSONValue.array(
            answers.map { answer in
                [
                    "method": .string(answer.method.lowercased()), "path": .string(answer.path),
                    "status": .string(String(answer.status)), "type": .string(answer.contentType),
                    "body": answer.body,
                ]
            })
        let (status, output) = try Tool(python: "python").run(
            ["-c", script, OpenAPIFile.path], input: Data(input.text.utf8))
        return status == 0 ? output : output + "exit status \(status)"
    }

    private static let script = #"""
        import json, sys, yaml
        from jsonschema import Draft202012Validator as Validator

        class Loader(yaml.SafeLoader): pass
        # Times stay text, as they are in JSON.
        Loader.yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
            for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}
        with open(sys.argv[1]) as file:
            api = yaml.load(file, Loader)
        components = api["components"]

        def parts(value):
            yield value
            for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
                yield from parts(part)

        def close(schema, inside=False):
            "Refuses members that no schema names, but where a schema is a part of another."
            if isinstance(schema, list):
                for part in schema: close(part)
            if not isinstance(schema, dict): return
            for name, part in schema.items():
                if name == "allOf":
                    for one in part: close(one, inside=True)
                elif name not in ("examples", "example", "default"):
                    close(part)
            if not inside and ("allOf" in schema or isinstance(schema.get("properties"), dict) and "type" in schema):
                if "additionalProperties" not in schema: schema["unevaluatedProperties"] = False

        shared = {part["$ref"].rsplit("/", 1)[1]
                  for value in parts(api) if isinstance(value, dict) and isinstance(value.get("allOf"), list)
                  for part in value["allOf"] if "$ref" in part}
        for name, schema in components["schemas"].items():
            close(schema, inside=name in shared)

        def resolved(value):
            while "$ref" in value:
                found = api
                for name in value["$ref"].split("/")[1:]: found = found[name]
                value = found
            return value

        def check(place, schema, value):
            whole = {**schema, "components": components}
            for error in Validator(whole, format_checker=Validator.FORMAT_CHECKER).iter_errors(value):
                print(f"{place}: {error.json_path}: {error.message[:300]}")

        for answer in json.load(sys.stdin):
            place = f'{answer["method"].upper()} {answer["path"]} {answer["status"]}'
            responses = api["paths"][answer["path"]][answer["method"]]["responses"]
            if answer["status"] not in responses:
                print(f"{place}: this status is not described"); continue
            content = resolved(responses[answer["status"]]).get("content", {})
            if answer["type"] not in content:
                print(f'{place}: {answer["type"]} is not described'); continue
            check(place, content[answer["type"]]["schema"], answer["body"])

        for value in parts(api):
            if not isinstance(value, dict): continue
            place = value.get("operationId") or value.get("name") or value.get("description", "")
            if isinstance(value.get("examples"), list):
                for example in value["examples"]: check(f"an example of {place!r:.60}", value, example)
            if isinstance(value.get("schema"), dict):
                for example in [value["example"]] if "example" in value else []:
                    check(f"the example of {place!r:.60}", value["schema"], example)
                for name, example in (value.get("examples") or {}).items():
                    check(f"the example {name}", value["schema"], example["value"])
        """#
}
