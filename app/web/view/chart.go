package view

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// A chart is drawn in a box of this size, which the page stretches to its width.
const (
	ChartWidth  = 600
	ChartHeight = 160
)

// Bar is one rectangle of a chart.
type Bar struct {
	X, Y, Width, Height string
	Tone                string // a class: delivered, handed_over, …
}

// Stack is the bars of one day, above each other.
type Stack struct {
	Title Text // shown where a pointer rests
	Bars  []Bar
}

// Line is a curve: one or more stretches, with gaps where nothing was measured.
type Line struct {
	Name   string // a class, and the key of its name below chart.
	Points []string
	Dots   []Dot // measured days without neighbours
}

// Dot is a point that no line would show.
type Dot struct{ X, Y string }

func px(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }

// Stacks lays out columns of parts, which are drawn from the bottom up in their
// order; tones name the parts. most is the height of the highest column.
func Stacks(columns [][]int, tones []string) (out []Stack, most int) {
	for _, parts := range columns {
		most = max(most, sum(parts))
	}
	if len(columns) == 0 {
		return nil, 0
	}
	step := float64(ChartWidth) / float64(len(columns))
	for n, parts := range columns {
		s, y := Stack{}, float64(ChartHeight)
		for p, v := range parts {
			if v == 0 {
				continue
			}
			h := float64(v) / float64(most) * ChartHeight
			y -= h
			s.Bars = append(s.Bars, Bar{X: px(float64(n)*step + step*.15), Y: px(y), Width: px(step * .7), Height: px(max(h, .6)), Tone: tones[p]})
		}
		out = append(out, s)
	}
	return out, most
}

func sum(parts []int) (n int) {
	for _, p := range parts {
		n += p
	}
	return n
}

// Steps are the heights at which a chart of durations has its lines: the scale
// is logarithmic, since what takes a second and what takes a day stand in it.
var Steps = []time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour}

// Height is where a duration stands between the shortest and the longest step,
// measured from the top.
func Height(d time.Duration) float64 {
	low, high := math.Log(float64(Steps[0])), math.Log(float64(Steps[len(Steps)-1]))
	at := (math.Log(float64(max(d, Steps[0]))) - low) / (high - low)
	return ChartHeight * (1 - min(at, 1))
}

// Curve lays out one duration a column; zero is a gap.
func Curve(name string, values []time.Duration) Line {
	l := Line{Name: name}
	if len(values) == 0 {
		return l
	}
	step := float64(ChartWidth) / float64(len(values))
	var run []string
	flush := func() {
		if len(run) > 1 {
			l.Points = append(l.Points, strings.Join(run, " "))
		}
		if len(run) == 1 {
			x, y, _ := strings.Cut(run[0], ",")
			l.Dots = append(l.Dots, Dot{x, y})
		}
		run = nil
	}
	for n, v := range values {
		if v == 0 {
			flush()
			continue
		}
		run = append(run, px((float64(n)+.5)*step)+","+px(Height(v)))
	}
	flush()
	return l
}
