package config_test

import (
	"flag"
	"os"
	"testing"

	"koodesk/config"
)

var write = flag.Bool("write", false, "write koodesk.env.example anew from the table")

func TestMain(m *testing.M) {
	flag.Parse()
	if *write {
		if err := os.WriteFile("koodesk.env.example", []byte(config.Example()), 0o644); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
