// The same work in Go: gorilla's websocket and mattn's sqlite3. No acks, no cursors, no dispatch.
//
// server DATABASE: prints its port, and ends on SIGTERM when all is stored.
package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
	_ "github.com/mattn/go-sqlite3"
)

const every = 250 * time.Millisecond

const table = `CREATE TABLE metrics (turbine_number INTEGER NOT NULL, measured_at INTEGER NOT NULL,
	wind_speed REAL NOT NULL, power_output_in_kwh REAL NOT NULL, operational_status TEXT NOT NULL,
	sequence INTEGER NOT NULL)`

type reading struct {
	Type              string  `json:"type"`
	TurbineNumber     int32   `json:"turbine_number"`
	MeasuredAt        int64   `json:"measured_at"`
	WindSpeed         float64 `json:"wind_speed"`
	PowerOutputInKwh  float64 `json:"power_output_in_kwh"`
	OperationalStatus string  `json:"operational_status"`
	Sequence          int64   `json:"sequence"`
}

func (r *reading) isReading() bool {
	return r.Type == "metrics" && (r.OperationalStatus == "ok" || r.OperationalStatus == "broken")
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func store(database *sql.DB, readings []reading) {
	if len(readings) == 0 {
		return
	}
	tx, err := database.Begin()
	must(err)
	insert, err := tx.Prepare("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)")
	must(err)
	for _, r := range readings {
		_, err = insert.Exec(
			r.TurbineNumber, r.MeasuredAt, r.WindSpeed, r.PowerOutputInKwh, r.OperationalStatus, r.Sequence)
		must(err)
	}
	must(insert.Close())
	must(tx.Commit())
}

func write(database *sql.DB, readings <-chan reading, stop <-chan os.Signal) {
	var waiting []reading
	tick := time.NewTicker(every)
	for {
		select {
		case r := <-readings:
			waiting = append(waiting, r)
		case <-tick.C:
			store(database, waiting)
			waiting = waiting[:0]
		case <-stop:
			for len(readings) > 0 {
				waiting = append(waiting, <-readings)
			}
			store(database, waiting)
			must(database.Close())
			os.Exit(0)
		}
	}
}

func main() {
	database, err := sql.Open("sqlite3", os.Args[1]+"?_journal_mode=WAL&_synchronous=FULL")
	must(err)
	_, err = database.Exec(table)
	must(err)
	readings, stop := make(chan reading, 100_000), make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go write(database, readings, stop)
	var upgrader websocket.Upgrader
	handler := func(w http.ResponseWriter, request *http.Request) {
		link, err := upgrader.Upgrade(w, request, nil)
		if err != nil {
			return
		}
		defer link.Close()
		for {
			_, data, err := link.ReadMessage()
			if err != nil {
				return
			}
			var r reading
			if json.Unmarshal(data, &r) == nil && r.isReading() {
				readings <- r
			}
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	must(http.Serve(listener, http.HandlerFunc(handler)))
}
