package view

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStacksFillTheBox(t *testing.T) {
	t.Parallel()
	out, most := Stacks([][]int{{1, 3}, {0, 0}, {2, 0}}, []string{"a", "b"})
	require.Equal(t, 4, most)
	require.Equal(t, []Bar{{"30", "120", "140", "40", "a"}, {"30", "0", "140", "120", "b"}}, out[0].Bars)
	require.Empty(t, out[1].Bars)
	require.Equal(t, []Bar{{"430", "80", "140", "80", "a"}}, out[2].Bars)
	none, most := Stacks(nil, nil)
	require.Empty(t, none)
	require.Zero(t, most)
}

func TestCurvesHaveGapsWhereNothingWasMeasured(t *testing.T) {
	t.Parallel()
	l := Curve("p50", []time.Duration{100 * time.Millisecond, 24 * time.Hour, 0, time.Millisecond, 0, 48 * time.Hour})
	require.Equal(t, []string{"50,160 150,0"}, l.Points)
	require.Equal(t, []Dot{{"350", "160"}, {"550", "0"}}, l.Dots, "beyond the scale stands at its edge")
	require.Empty(t, Curve("p50", nil).Points)
}
