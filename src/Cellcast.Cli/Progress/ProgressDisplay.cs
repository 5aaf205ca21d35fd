using System.Diagnostics;
using Cellcast.Cli.Hosting;
using Cellcast.Models.Training;
using Spectre.Console;

namespace Cellcast.Cli.Progress;

/// <summary>Shows progress on standard error: a live table on a terminal, a plain line every few seconds elsewhere and in <c>run.log</c>.</summary>
internal sealed class ProgressDisplay(RunLog log, bool quiet, HoldPoint? hold = null) : ITrainingProgress, IDisposable
{
    private static readonly TimeSpan s_betweenLines = TimeSpan.FromSeconds(5), s_betweenFrames = TimeSpan.FromMilliseconds(120);

    private readonly Lock _lock = new();
    private readonly List<StageProgress> _stages = [];
    private readonly ManualResetEventSlim _stop = new();
    private readonly bool _live = !quiet && Terminal.IsInteractive;
    private Thread? _painter;
    private long _lastLine = Stopwatch.GetTimestamp();
    private bool _disposed, _settling;

    /// <inheritdoc/>
    public void Report(in TrainingUpdate update)
    {
        hold?.Pass(update);
        lock (_lock)
        {
            if (_disposed) return;
            var stage = Stage(update.Stage);
            stage.Update(update);
            if (_live && _painter is null && !_settling) StartPainting();
            if (Stopwatch.GetElapsedTime(_lastLine) < s_betweenLines) return;
            _lastLine = Stopwatch.GetTimestamp();
            Say(stage.Line);
        }
    }

    /// <inheritdoc/>
    public void StageDone(string stage, int epochs, string outcome)
    {
        lock (_lock)
        {
            if (_disposed) return;
            var s = Stage(stage);
            s.Finish(epochs, outcome);
            _lastLine = Stopwatch.GetTimestamp();
            Say(s.Line);
        }
    }

    /// <inheritdoc/>
    public void Message(string text) => log.Info(text);

    /// <inheritdoc/>
    public void Warning(string text) => log.Warning(text);

    /// <summary>Leaves the last state of the live table on the screen, so that other text can follow; later updates start a new one.</summary>
    internal void Settle()
    {
        Thread? painter;
        lock (_lock)
        {
            painter = _painter;
            _settling = true;
        }
        if (painter is not null)
        {
            _stop.Set();
            painter.Join();
            _stop.Reset();
        }
        lock (_lock)
        {
            _painter = null;
            if (painter is not null) _stages.RemoveAll(s => s.IsDone);
            _settling = false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
        }
        Settle();
        _stop.Dispose();
    }

    private void Say(string line)
    {
        if (_live) log.Detail(line);
        else log.Info(line);
    }

    private StageProgress Stage(string name)
    {
        if (_stages.Count > 0 && _stages[^1].Name == name && !_stages[^1].IsDone) return _stages[^1];
        var stage = new StageProgress(name);
        _stages.Add(stage);
        return stage;
    }

    /// <summary>A thread of its own: the pool belongs to the computation.</summary>
    private void StartPainting()
    {
        _painter = new Thread(() =>
        {
            Terminal.ErrorConsole.Live(new Text("")).Start(display =>
            {
                bool last;
                do
                {
                    last = _stop.Wait(s_betweenFrames);
                    lock (_lock) display.UpdateTarget(Paint());
                }
                while (!last);
            });
        })
        { IsBackground = true, Name = "progress" };
        _painter.Start();
    }

    private Table Paint()
    {
        var table = new Table().NoBorder().HideHeaders();
        for (int i = 0; i < 7; i++) table.AddColumn(new TableColumn("").NoWrap());
        foreach (var s in _stages.TakeLast(Math.Max(1, Console.WindowHeight - 4)))
            table.AddRow(new Text(s.IsDone ? "✓" : "▸", new Style(s.IsDone ? Color.Green : Color.Yellow)), new Text(s.Title, new Style(decoration: Decoration.Bold)),
                Bar(s), new Text(s.Epochs), new Text(s.Loss), new Text(s.Validation), new Text(string.Join(", ", new[] { s.IsDone ? "" : s.Rate, s.TimeLeft }.Where(t => t.Length > 0))));
        return table;
    }

    private static Text Bar(StageProgress s)
    {
        const int Width = 12;
        if (double.IsNaN(s.Fraction)) return new Text(new string('·', Width));
        int full = (int)(s.Fraction * Width);
        return new Text(new string('━', full) + new string('─', Width - full), new Style(s.IsDone ? Color.Green : Color.Blue));
    }
}
