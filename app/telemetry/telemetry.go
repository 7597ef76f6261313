// Package telemetry holds the program's measurements (Prometheus) and makes its
// logger. It knows nothing of what is measured.
package telemetry

import (
	"io"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is every measurement of the program. Debugging calls (testFlag) are
// counted apart, so that no figure of real business moves with them.
type Metrics struct {
	registry *prometheus.Registry

	Callbacks        *prometheus.CounterVec   // protocol, activity, code, test
	CallbackSeconds  *prometheus.HistogramVec // activity
	CallbackProofs   *prometheus.CounterVec   // form
	CallbackRejected *prometheus.CounterVec   // reason
	CallbackFlood    prometheus.Counter
	ReplayLost       prometheus.Counter
	Tasks            *prometheus.CounterVec   // kind, outcome
	TaskSeconds      *prometheus.HistogramVec // kind
	TaskWait         prometheus.Histogram
	TasksRecovered   prometheus.Counter
	QueueRebuilt     prometheus.Counter
	TaskRows         *prometheus.GaugeVec // status
	PoolFree         *prometheus.GaugeVec // pool
}

// New makes the measurements in a registry of their own.
func New() *Metrics {
	r := prometheus.NewRegistry()
	fast := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
	slow := []float64{.005, .01, .05, .1, .5, 1, 5, 10, 30, 60}
	m := &Metrics{
		registry: r,
		Callbacks: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "koodesk_callbacks_total",
			Help: "Answered interface calls."}, []string{"protocol", "activity", "code", "test"}),
		CallbackSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "koodesk_callback_seconds",
			Help: "Time from the first byte handled to the answer's last byte written.", Buckets: fast}, []string{"activity"}),
		CallbackProofs: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "koodesk_callbacks_proved_total",
			Help: "Calls proved authentic, by what their signature was made over: the raw body or its sorted form."}, []string{"form"}),
		CallbackRejected: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "koodesk_callbacks_rejected_total",
			Help: "Calls that could not be proved authentic."}, []string{"reason"}),
		CallbackFlood: prometheus.NewCounter(prometheus.CounterOpts{Name: "koodesk_callbacks_flood_total",
			Help: "Unproved calls answered with 429 and not logged."}),
		ReplayLost: prometheus.NewCounter(prometheus.CounterOpts{Name: "koodesk_replay_memory_lost_total",
			Help: "Calls that were taken without the memory of nonces, because Redis did not answer."}),
		Tasks: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "koodesk_task_tries_total",
			Help: "Ended tries of tasks."}, []string{"kind", "outcome"}),
		TaskSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "koodesk_task_seconds",
			Help: "Duration of a try.", Buckets: slow}, []string{"kind"}),
		TaskWait: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "koodesk_task_wait_seconds",
			Help: "Time from a task being due to a worker beginning it.", Buckets: slow}),
		TasksRecovered: prometheus.NewCounter(prometheus.CounterOpts{Name: "koodesk_tasks_recovered_total",
			Help: "Tasks put back because their worker died."}),
		QueueRebuilt: prometheus.NewCounter(prometheus.CounterOpts{Name: "koodesk_queue_rebuilt_total",
			Help: "Times that Redis was found empty and filled again from PostgreSQL."}),
		TaskRows: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "koodesk_tasks",
			Help: "Task rows by status, as the sweeper last saw them (done ones are not counted)."}, []string{"status"}),
		PoolFree: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "koodesk_pool_free",
			Help: "Free accounts of a pool, as the sweeper last saw them."}, []string{"pool"}),
	}
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.Callbacks, m.CallbackSeconds, m.CallbackProofs, m.CallbackRejected, m.CallbackFlood, m.ReplayLost,
		m.Tasks, m.TaskSeconds, m.TaskWait, m.TasksRecovered, m.QueueRebuilt, m.TaskRows, m.PoolFree)
	return m
}

// Handler serves the measurements in Prometheus' text form.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Gather is for tests.
func (m *Metrics) Gather() prometheus.Gatherer { return m.registry }

// Logger makes the program's logger: format "text" or "json".
func Logger(w io.Writer, format string, level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
