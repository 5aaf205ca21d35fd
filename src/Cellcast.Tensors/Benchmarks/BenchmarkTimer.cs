using System.Diagnostics;

namespace Cellcast.Tensors.Benchmarks;

/// <summary>How long something took.</summary>
/// <param name="Best">Shortest run in seconds: the figure least disturbed by whatever else the machine does.</param>
/// <param name="Median">Middle run in seconds: what a user sees.</param>
/// <param name="Runs">Number of runs.</param>
public readonly record struct Timing(double Best, double Median, int Runs);

/// <summary>Repeats work and keeps time.</summary>
public static class BenchmarkTimer
{
    private static volatile float s_sink;

    /// <summary>Runs the work a few times unmeasured, then for about the time given and at least five times.</summary>
    /// <param name="work">What to time.</param>
    /// <param name="seconds">Time to spend.</param>
    public static Timing Measure(Action work, double seconds)
    {
        ArgumentNullException.ThrowIfNull(work);
        for (int i = 0; i < 3; i++) work();
        var times = new List<double>();
        long start = Stopwatch.GetTimestamp();
        while (times.Count < 5 || (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds && times.Count < 100_000))
        {
            long t = Stopwatch.GetTimestamp();
            work();
            times.Add(Stopwatch.GetElapsedTime(t).TotalSeconds);
        }
        times.Sort();
        return new Timing(times[0], times[times.Count / 2], times.Count);
    }

    /// <summary>Keeps the compiler from dropping a result.</summary>
    internal static void Keep(float value) => s_sink = value;
}
