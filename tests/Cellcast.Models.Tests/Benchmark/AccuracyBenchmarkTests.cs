using Cellcast.AnnData;
using Cellcast.Models.Benchmark;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Simulation;
using Cellcast.Models.Training;
using Cellcast.Tensors;

namespace Cellcast.Models.Tests.Benchmark;

public sealed class AccuracyBenchmarkTests : IDisposable
{
    private static readonly BenchmarkGrid s_tiny = new()
    {
        Patients = [30, 40],
        EventShares = [0.5, 1],
        Types = [4],
        Seeds = [3],
        TestPatients = 12,
        Base = new SimulationParameters { Cells = 120, Genes = 150, Families = 2, GradientTypes = 1, Samples = 2, BulkDepth = 20_000 },
    };

    private static readonly ScSurvOptions s_short = new() { Hidden = 12, Latent = 4, MaxEpochs = 4, ProjectionSteps = 15, PosteriorDraws = 4, Genes = int.MaxValue, Method = HazardMethod.Published };
    private static readonly BenchmarkMethod[] s_all = [.. BenchmarkMethods.All.Select(m => m.Method)];
    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Shared_stages_give_what_a_run_of_its_own_gives()
    {
        BenchmarkCase which = s_tiny.Cases().Last();
        BenchmarkStudy study = BenchmarkStudy.Make(which, s_tiny, null, 1, default);
        ScSurvOptions options = s_short with { Seed = 3 };
        var training = new BenchmarkTraining(_device, default);
        foreach (BenchmarkCase before in s_tiny.Cases().SkipLast(1)) // fills what is shared from other cohorts
            training.Cohort(before, BenchmarkStudy.Make(before, s_tiny, null, 1, default).Data(options), options);
        ScSurvData data = study.Data(options);
        Deconvolved cohort = training.Cohort(which, data, options);
        var (contribution, _) = training.PublishedHazard(cohort, data, options);

        ScSurvFit fit = ScSurvModel.Fit(_device, data, options, new NoCheckpoints(), null, NoProgress.Instance, default);
        ScSurvResults alone = ScSurvResults.Collect(_device, fit, data, NoProgress.Instance);
        Assert.Equal(alone.RawContribution, contribution);
        Assert.Equal(alone.PatientShares.ToArray(), cohort.Shares);
    }

    [Fact]
    public void A_cohort_scores_the_same_alone_in_a_grid_resumed_and_with_more_threads()
    {
        IReadOnlyList<BenchmarkScore> whole = Run(s_tiny);
        Assert.Equal(s_tiny.Cases().Count() * s_all.Length, whole.Count);
        IReadOnlyList<BenchmarkScore> alone = Run(s_tiny with { Patients = [40], EventShares = [1] });
        AssertSame(whole.TakeLast(s_all.Length), alone);

        using var two = new CpuDevice(2);
        AssertSame(whole, AccuracyBenchmark.Run(two, s_tiny, null, s_all, s_short, null, 2, NoProgress.Instance, default));

        var memory = new Memory();
        using var source = new CancellationTokenSource();
        memory.Saved += () => { if (memory.Cohorts.Count == 2) source.Cancel(); };
        Assert.Throws<OperationCanceledException>(() => AccuracyBenchmark.Run(_device, s_tiny, null, s_all, s_short, memory, 1, NoProgress.Instance, source.Token));
        Assert.Equal(2, memory.Cohorts.Count);
        AssertSame(whole, AccuracyBenchmark.Run(_device, s_tiny, null, s_all, s_short, memory, 1, NoProgress.Instance, default));
        Assert.Equal(4, memory.Cohorts.Count);
    }

    [Fact]
    public void Test_patients_are_the_same_for_every_size_of_the_cohort_and_untouched_by_its_survival()
    {
        BenchmarkStudy[] studies = [.. s_tiny.Cases().Where(c => c.EventShare == 1).Select(c => BenchmarkStudy.Make(c, s_tiny, null, 1, default))];
        Assert.Equal(2, studies.Length);
        Assert.All(studies, s => Assert.Equal(Enumerable.Range(0, 12), s.Test));
        SparseMatrix small = studies[0].Bulk.SelectRows(studies[0].Test), large = studies[1].Bulk.SelectRows(studies[1].Test);
        Assert.Equal(small.Values, large.Values);
        Assert.Equal(40 / 4, studies[1].Splits.Count(s => s == Split.Validation));
    }

    [Fact]
    public void Missing_types_are_in_the_patients_but_neither_in_the_cells_nor_in_the_score()
    {
        BenchmarkGrid grid = s_tiny with { MissingTypes = [1], Patients = [30], EventShares = [1] };
        BenchmarkStudy with = BenchmarkStudy.Make(s_tiny.Cases().First(c => c.EventShare == 1), s_tiny, null, 1, default), without = BenchmarkStudy.Make(grid.Cases().Single(), grid, null, 1, default);
        Assert.Equal(4, with.Labels.Distinct().Count());
        Assert.Equal(3, without.Labels.Distinct().Count());
        Assert.Equal(with.Bulk.Values, without.Bulk.Values);
        IReadOnlyList<BenchmarkScore> scores = Run(grid);
        Assert.All(scores, s => Assert.Equal(3, s.Types.Count));
        Assert.All(scores, s => Assert.Equal(0, s.Types.Sum(t => t.Known), 1e-9));
    }

    [Fact]
    public void A_cohort_too_small_for_a_method_is_reported_and_the_rest_goes_on()
    {
        BenchmarkGrid grid = s_tiny with { Patients = [16], EventShares = [0.3] };
        IReadOnlyList<BenchmarkScore> scores = Run(grid);
        BenchmarkScore published = scores.Single(s => s.Method == "published");
        Assert.Contains("at least 2 are needed", published.Note, StringComparison.Ordinal);
        Assert.True(double.IsNaN(published.PerType));
        Assert.True(double.IsFinite(scores.Single(s => s.Method == "marker-correlation").PerType));
        BenchmarkSummary row = BenchmarkTables.Summarize(scores).Single(s => s.Method == "published");
        Assert.Equal((0, 1), (row.Seeds, row.Failed));
    }

    [Fact]
    public void The_limit_is_reached_with_many_patients_and_there_is_none_without_an_effect()
    {
        BenchmarkGrid grid = s_tiny with { Patients = [600], EventShares = [1], Effects = [1.5, 0], TestPatients = 300 };
        IReadOnlyList<BenchmarkScore> scores = AccuracyBenchmark.Run(_device, grid, null, [BenchmarkMethod.Oracle, BenchmarkMethod.CoxNnls], s_short, null, 1, NoProgress.Instance, default);
        BenchmarkScore oracle = scores[0], nnls = scores[1], nothing = scores[2];
        Assert.InRange(oracle.PerCell, 0.95, 1);
        Assert.InRange(oracle.Concordance - oracle.OracleConcordance, -0.01, 0.01);
        Assert.InRange(oracle.Within, 0.99, 1); // the state enters linearly: only its sign could be wrong
        Assert.True(double.IsNaN(nnls.Within));
        Assert.InRange(nnls.Shares, 0.9, 1);
        Assert.True(double.IsNaN(nothing.PerType)); // all known contributions are the same
        Assert.InRange(nothing.Concordance, 0.4, 0.6);
    }

    [Theory]
    [InlineData("events", "event-share is 1.5")]
    [InlineData("missing", "missing-types is 3")]
    [InlineData("patients", "patients is 5")]
    [InlineData("none", "at least one value")]
    public void A_grid_that_cannot_be_run_is_refused_with_the_reason(string what, string sentence)
    {
        BenchmarkGrid grid = what switch
        {
            "events" => s_tiny with { EventShares = [1.5] },
            "missing" => s_tiny with { MissingTypes = [3] },
            "patients" => s_tiny with { Patients = [5] },
            _ => s_tiny with { Seeds = [] },
        };
        var e = Assert.Throws<InputException>(() => Run(grid));
        Assert.Contains(sentence, e.Message, StringComparison.Ordinal);
    }

    private IReadOnlyList<BenchmarkScore> Run(BenchmarkGrid grid) => AccuracyBenchmark.Run(_device, grid, null, s_all, s_short, null, 1, NoProgress.Instance, default);

    private static void AssertSame(IEnumerable<BenchmarkScore> expected, IEnumerable<BenchmarkScore> actual)
    {
        Assert.Equal(expected.Select(Text), actual.Select(Text));
        static string Text(BenchmarkScore s) => $"{s.Case.Name} {s.Method} {s.PerType:R} {s.PerCell:R} {s.Within:R} {s.Shares:R} {s.Concordance:R} {s.OracleConcordance:R} {s.TypeCoverage:R} {s.CellCoverage:R} {s.PatientCoverage:R} {s.TypeCoverageBootstrap:R} {s.CellCoverageBootstrap:R} {s.SignalP:R} {string.Join(' ', s.Types)}";
    }

    private sealed class Memory : IBenchmarkStore
    {
        internal Dictionary<BenchmarkCase, IReadOnlyList<BenchmarkScore>> Cohorts { get; } = [];

        internal event Action? Saved;

        public IReadOnlyList<BenchmarkScore>? Load(BenchmarkCase which) => Cohorts.GetValueOrDefault(which);

        public void Save(BenchmarkCase which, IReadOnlyList<BenchmarkScore> scores)
        {
            Cohorts.Add(which, scores);
            Saved?.Invoke();
        }
    }
}
