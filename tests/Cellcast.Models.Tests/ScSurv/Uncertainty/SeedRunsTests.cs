using Cellcast.AnnData;
using Cellcast.Models.ScSurv.Uncertainty;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScSurv.Uncertainty;

public class SeedRunsTests
{
    private static SeedRun Run(long seed, double[] contribution, double[] sd) =>
        new(seed, contribution, sd, [0.5, -0.5], [], [], [0.1], new Dictionary<string, double> { ["test"] = 0.6 + 0.02 * seed });

    [Fact]
    public void Spread_between_and_within_runs_adds_up_in_the_interval()
    {
        // Two cells; between runs the first differs by 2 (variance 2), within by 1 and 3 (mean variance 5).
        double[][] values = [[1, 4], [3, 4]], within = [[1, 0], [3, 0]];
        var table = SeedRuns.Table("cell", ["a", "b"], values, within).ToDataFrame();
        double[] Column(string name) => ((NumericColumn)table[name]).ToDouble();
        Assert.Equal([2.0, 4], Column("mean"));
        Assert.Equal(Math.Sqrt(2), Column("sd_runs")[0], 1e-12);
        Assert.Equal(Math.Sqrt(2 + 5), Column("sd")[0], 1e-12);
        Assert.Equal(2 - 1.959963984540054 * Math.Sqrt(7), Column("lower")[0], 1e-9);
        Assert.Equal(2 + 1.959963984540054 * Math.Sqrt(7), Column("upper")[0], 1e-9);
        Assert.InRange(Column("probability_adverse")[0], 0.77, 0.78); // Phi(2 / sqrt 7)
        Assert.Equal((0.0, 4.0, 1.0), (Column("sd")[1], Column("lower")[1], Column("probability_adverse")[1]));
        // A method without intervals: between runs only.
        Assert.Equal(Math.Sqrt(2), ((NumericColumn)SeedRuns.Table("cell", ["a", "b"], values, [[], []]).ToDataFrame()["sd"]).ToDouble()[0], 1e-12);
    }

    [Fact]
    public void The_summary_has_mean_and_sd_of_the_concordance_and_how_alike_runs_are()
    {
        var summary = SeedRuns.Summary([Run(0, [1, 2, 3], []), Run(1, [2, 4, 6.5], []), Run(2, [3, 2, 1], [])]);
        Assert.Equal([0L, 1, 2], summary["seeds"]!.AsArray().Select(s => (long)s!));
        Assert.Equal(0.62, (double)summary["concordance"]!["test"]!["mean"]!, 1e-12);
        Assert.Equal(0.02, (double)summary["concordance"]!["test"]!["sd"]!, 1e-12);
        Assert.InRange((double)summary["correlation_of_cells_between_runs"]!, -0.34, -0.32); // 0.997, -1, -0.997
        Assert.Equal([1.5, 3], SeedRuns.Means(Run(0, [1, 2, 3], []), [0, 0, 1], 2));
    }

    [Fact]
    public void A_run_survives_its_file_and_a_damaged_one_is_said()
    {
        using var folder = new TemporaryDirectory();
        SeedRun run = Run(7, [1.5, double.NaN, -3], [0.1, 0.2, 0.3]);
        Assert.Null(SeedRun.Load(folder["run.json"]));
        run.Save(folder["run.json"]);
        SeedRun again = SeedRun.Load(folder["run.json"])!;
        Assert.Equal(run.Contribution, again.Contribution);
        Assert.Equal(run.ContributionSd, again.ContributionSd);
        Assert.Equal((7L, 0.74), (again.Seed, again.Concordance["test"]));
        File.WriteAllText(folder["run.json"], "{");
        Assert.Contains("delete the file", Assert.Throws<InputException>(() => SeedRun.Load(folder["run.json"])).Message, StringComparison.Ordinal);
    }
}
