package main

import (
	"strings"
	"testing"
)

func TestFlagsAreAsOthersBuildOnThem(t *testing.T) {
	t.Parallel()
	s, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (settings{data: "./data", addr: "127.0.0.1:8211", seed: "demo", policy: "standard", mail: "mailbox", secondFactor: "none"}); s != want {
		t.Errorf("without flags: %+v, want %+v", s, want)
	}
	s, err = parse([]string{"--data", "d", "--addr", "[::1]:0", "--seed", "none", "--policy", "demo", "--mail", "smtp", "--second-factor", "all"})
	if err != nil {
		t.Fatal(err)
	}
	if want := (settings{data: "d", addr: "[::1]:0", seed: "none", policy: "demo", mail: "smtp", secondFactor: "all", policyGiven: true}); s != want {
		t.Errorf("with every flag: %+v, want %+v", s, want)
	}
}

func TestOnlyThisMachineIsAnswered(t *testing.T) {
	t.Parallel()
	for addr, good := range map[string]bool{"127.0.0.1:0": true, "localhost:8211": true, "[::1]:8211": true, "127.9.9.9:1": true,
		"0.0.0.0:8211": false, ":8211": false, "192.168.1.2:8211": false, "example.ca:80": false, "127.0.0.1": false, "": false} {
		if _, err := parse([]string{"--addr", addr}); (err == nil) != good {
			t.Errorf("--addr %s: %v", addr, err)
		}
	}
}

func TestAllBadFlagsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := parse([]string{"--addr", "x", "--seed", "x", "--policy", "x", "--mail", "x", "--second-factor", "x", "more"})
	if err == nil {
		t.Fatal("taken")
	}
	for _, flag := range []string{"--addr", "--seed", "--policy", "--mail", "--second-factor", "takes flags only"} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("%s is not named in %v", flag, err)
		}
	}
}
