// The load of benchmarks/load.py on etcd's own Go client: a job a line on stdin, its result a line on stdout.
//
// Built by benchmarks/worker.py if Go is installed; Debian has the client as a package:
//
//	apt-get install golang-go golang-etcd-server-dev golang-google-grpc-dev
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o go-worker main.go
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/clientv3/concurrency"
)

const ttl = 60 // seconds, of the lease that locks are held under

// Job is the same as in load.py.
type Job struct {
	Op       string
	Prefix   string
	Keys     int
	Size     int
	InFlight int `json:"in_flight"`
	Seconds  float64
	Calls    int
}

type call func(number int) error

func main() {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{os.Args[1]}, DialTimeout: 5 * time.Second})
	check(err)
	session, err := concurrency.NewSession(client, concurrency.WithTTL(ttl))
	check(err)
	jobs, results := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for jobs.More() {
		var job Job
		check(jobs.Decode(&job))
		check(results.Encode(run(job, callOf(job, client, session))))
	}
}

func callOf(job Job, client *clientv3.Client, session *concurrency.Session) call {
	ctx, value := context.Background(), strings.Repeat("v", job.Size)
	key := func(number int) string { return fmt.Sprintf("%s%05d", job.Prefix, number%job.Keys) }
	return map[string]call{
		"get": func(number int) error {
			_, err := client.Get(ctx, key(number))
			return err
		},
		"put": func(number int) error {
			_, err := client.Put(ctx, key(number), value)
			return err
		},
		"lock": func(number int) error {
			mutex := concurrency.NewMutex(session, strings.TrimSuffix(job.Prefix, "/"))
			if err := mutex.Lock(ctx); err != nil {
				return err
			}
			return mutex.Unlock(ctx)
		},
	}[job.Op]
}

func run(job Job, one call) map[string]float64 {
	var next int64 = -1
	var wait sync.WaitGroup
	lags := make([][]float64, job.InFlight)
	cpu, start := cpuTime(), time.Now()
	for caller := range lags {
		wait.Add(1)
		go func(caller int) {
			defer wait.Done()
			for number := int(atomic.AddInt64(&next, 1)); number < job.Calls; number = int(atomic.AddInt64(&next, 1)) {
				begin := time.Now()
				if begin.Sub(start).Seconds() >= job.Seconds {
					return
				}
				check(one(number))
				lags[caller] = append(lags[caller], time.Since(begin).Seconds())
			}
		}(caller)
	}
	wait.Wait()
	wall, cpu := time.Since(start).Seconds(), cpuTime()-cpu
	return figures(lags, wall, cpu)
}

func figures(lags [][]float64, wall, cpu float64) map[string]float64 {
	var all []float64
	for _, some := range lags {
		all = append(all, some...)
	}
	sort.Float64s(all)
	count := float64(len(all))
	return map[string]float64{
		"ops/s":  count / wall,
		"cpu µs": cpu / count * 1e6,
		"p50 ms": all[len(all)/2] * 1e3,
		"p99 ms": all[len(all)*99/100] * 1e3,
	}
}

func cpuTime() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func seconds(time syscall.Timeval) float64 {
	return float64(time.Sec) + float64(time.Usec)/1e6
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
