// Writes the golden files of the formats of Go systems: go run write.go
//
// The structs have the fields that these systems register, in their order, and encoding/json writes them:
// etcd client/v3/naming/endpoints/internal/update.go, kratos registry.ServiceInstance, registry-etcd instanceInfo.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type update struct {
	Op       uint8
	Addr     string
	Metadata interface{}
}

type kratos struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Version   string            `json:"version"`
	Metadata  map[string]string `json:"metadata"`
	Endpoints []string          `json:"endpoints"`
}

type kitex struct {
	Network string            `json:"network"`
	Address string            `json:"address"`
	Weight  int               `json:"weight"`
	Tags    map[string]string `json:"tags"`
}

type line struct {
	name, key string
	value     interface{}
}

var texts = map[string]string{"zone": "x<y>&z", "é": "日本\u2028\u2029\u007f", "b": "\"quoted\" \\ tab\t line\n bell\u0007", "a": ""}
var full = map[string]string{"zone": "x<y>&z", "é": "日本\u2028\u2029\u007f", "b": "\"quoted\" \\ tab\t line\n bell\u0007"}

var numbers = map[string]interface{}{
	"int": 7, "half": 0.5, "whole": 100000.0, "large": 1e20, "larger": 1.5e21, "small": 0.000001, "smaller": 1.25e-7,
	"negative": -3.25, "digits": 123456789012345.67, "long": 1.2345678901234567e20, "zero": 0.0,
}
var nested = map[string]interface{}{
	"b": map[string]interface{}{"z": nil, "a": []interface{}{true, "<", 1}}, "a": map[string]interface{}{}, "c": []int{},
}

func grpc(address string) []string { return []string{"grpc://" + address + "?isSecure=false"} }

var files = map[string][]line{
	"naming": {
		{"plain", "user/a", update{0, "10.0.0.1:8080", nil}},
		{"texts", "user/a", update{0, "10.0.0.1:8080", texts}},
		{"ipv6", "user/a", update{0, "[::1]:8080", nil}},
		{"numbers", "user/a", update{0, "10.0.0.1:8080", numbers}},
		{"nested", "user/a", update{0, "10.0.0.1:8080", nested}},
		{"any", "user/a", update{0, "10.0.0.1:8080", "blue"}},
	},
	"kratos": {
		{"plain", "/microservices/user/a", kratos{"a", "user", "", nil, grpc("10.0.0.1:8080")}},
		{"texts", "/microservices/user/a", kratos{"a", "user", "", texts, grpc("10.0.0.1:8080")}},
		{"ipv6", "/microservices/user/a", kratos{"a", "user", "", nil, grpc("[::1]:8080")}},
		{"version", "/microservices/user/a", kratos{"a", "user", "v1.2", map[string]string{"zone": "x"}, grpc("10.0.0.1:8080")}},
		{"endpoints", "/microservices/user/a", kratos{"a", "user", "", nil,
			[]string{"http://10.0.0.1:8000?isSecure=false&x=1", "grpc://10.0.0.1:8080?isSecure=false"}}},
	},
	"kitex": {
		{"plain", "kitex/registry-etcd/user/10.0.0.1:8080", kitex{"tcp", "10.0.0.1:8080", 1, nil}},
		{"texts", "kitex/registry-etcd/user/10.0.0.1:8080", kitex{"tcp", "10.0.0.1:8080", 1, full}},
		{"ipv6", "kitex/registry-etcd/user/[::1]:8080", kitex{"tcp", "[::1]:8080", 1, nil}},
		{"weight", "kitex/registry-etcd/user/10.0.0.1:8080", kitex{"tcp", "10.0.0.1:8080", 10, nil}},
		{"tags", "kitex/registry-etcd/user/10.0.0.1:8080",
			kitex{"tcp", "10.0.0.1:8080", 1, map[string]string{"zone": "x", "web": "", "blue": ""}}},
	},
	"go_zero": {
		{"plain", "user/7587864068988009477", "10.0.0.1:8080"},
		{"ipv6", "user/7587864068988009477", "[::1]:8080"},
	},
}

func main() {
	for name, lines := range files {
		var out strings.Builder
		for _, one := range lines {
			value, isText := one.value.(string)
			if !isText {
				data, err := json.Marshal(one.value)
				if err != nil {
					panic(err)
				}
				value = string(data)
			}
			fmt.Fprintf(&out, "%s\t%s\t%s\n", one.name, one.key, value)
		}
		if err := os.WriteFile(name+".tsv", []byte(out.String()), 0o644); err != nil {
			panic(err)
		}
	}
}
