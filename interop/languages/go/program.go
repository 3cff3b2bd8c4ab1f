// The program of ../README.md in Restate's SDK for Go.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

var (
	lock  sync.Mutex
	tries = map[string]int{}
)

func count(name string) int {
	lock.Lock()
	defer lock.Unlock()
	tries[name]++
	return tries[name]
}

type Sample struct{}

func (Sample) ServiceName() string { return "sample" }

func (Sample) Echo(ctx restate.Context, value string) (string, error) { return value, nil }

func (Sample) Steps(ctx restate.Context, name string) ([]string, error) {
	results := []string{}
	for _, step := range []string{"one", "two", "three"} {
		result, err := restate.Run(ctx, func(restate.RunContext) (string, error) {
			return fmt.Sprintf("%s:%d", step, count(name+step)), nil
		}, restate.WithName(step))
		if err != nil {
			return nil, err
		}
		results = append(results, result)
		if err := restate.Sleep(ctx, 5*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func (Sample) Hopeless(ctx restate.Context, name string) (string, error) {
	_, err := restate.Run(ctx, func(restate.RunContext) (string, error) {
		return "", fmt.Errorf("try %d", count(name))
	}, restate.WithMaxRetryAttempts(3), restate.WithInitialRetryInterval(time.Millisecond))
	if err == nil {
		return "worked", nil
	}
	if !restate.IsTerminalError(err) {
		return "", err
	}
	return fmt.Sprintf("gave up after %d", tries[name]), nil
}

func (Sample) Terminal(ctx restate.Context) error {
	return restate.ToTerminalError(fmt.Errorf("that was it"), restate.WithErrorCode(418))
}

func (Sample) Relay(ctx restate.Context, key string) ([]int, error) {
	results := []int{}
	client := restate.Object[int](ctx, "tally", key, "Add")
	for _, amount := range []int{1, 2, 0} {
		if amount == 0 {
			restate.ObjectSend(ctx, "tally", key, "Add").Send(3)
		}
		total, err := client.Request(amount)
		if err != nil {
			return nil, err
		}
		results = append(results, total)
	}
	return results, nil
}

func (Sample) Awake(ctx restate.Context) (string, error) {
	awakeable := restate.Awakeable[string](ctx)
	restate.ServiceSend(ctx, "sample", "Wake").Send(awakeable.Id())
	return awakeable.Result()
}

func (Sample) Wake(ctx restate.Context, id string) error {
	restate.ResolveAwakeable(ctx, id, "woken")
	return nil
}

type Tally struct{}

func (Tally) ServiceName() string { return "tally" }

func (Tally) Add(ctx restate.ObjectContext, amount int) (int, error) {
	total, err := restate.Get[int](ctx, "total")
	if err != nil {
		return 0, err
	}
	restate.Set(ctx, "total", total+amount)
	return total + amount, nil
}

type Flow struct{}

func (Flow) ServiceName() string { return "flow" }

func (Flow) Run(ctx restate.WorkflowContext, start string) (string, error) {
	by, err := restate.Promise[string](ctx, "approval").Result()
	return start + " " + by, err
}

func (Flow) Approve(ctx restate.WorkflowSharedContext, by string) error {
	return restate.Promise[string](ctx, "approval").Resolve(by)
}

func main() {
	endpoint := server.NewRestate().
		Bind(restate.Reflect(Sample{})).
		Bind(restate.Reflect(Tally{})).
		Bind(restate.Reflect(Flow{}))
	if err := endpoint.Start(context.Background(), "127.0.0.1:"+os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
