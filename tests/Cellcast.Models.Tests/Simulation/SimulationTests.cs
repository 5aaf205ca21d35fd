using System.Text;
using Cellcast.AnnData;
using Cellcast.Models.Simulation;

namespace Cellcast.Models.Tests.Simulation;

/// <summary>A simulated study is what its parameters say, and its answer is consistent.</summary>
public class SimulationTests
{
    private static readonly SimulationParameters s_small = new() { Cells = 2500, Genes = 400, Types = 6, Families = 3, GradientTypes = 2, Samples = 3, Patients = 200, Spots = 30, CellDepth = 800, BulkDepth = 200_000 };
    private static readonly Lazy<SimulatedStudy> s_study = new(() => StudySimulator.Simulate(s_small, seed: 1, threads: 2));

    [Fact]
    public void Files_have_the_sizes_asked_for_and_hold_whole_counts()
    {
        var study = s_study.Value;
        Assert.Equal((2500, 400), (study.Cells.ObservationCount, study.Cells.VariableCount));
        Assert.Equal((200, 400), (study.Bulk.ObservationCount, study.Bulk.VariableCount));
        Assert.Equal((30, 400), (study.Spots!.ObservationCount, study.Spots.VariableCount));
        foreach (var data in new[] { study.Cells, study.Bulk, study.Spots })
        {
            var counts = (SparseMatrix)data.X!;
            Assert.All(counts.Values, v => Assert.True(v >= 1 && v == MathF.Floor(v)));
            for (int i = 0; i < counts.Rows; i++) Assert.NotEmpty(counts.RowValues(i).ToArray());
            Assert.Null(data.Problem());
            Assert.Equal(study.Cells.Var.Index, data.Var.Index);
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_study_for_any_number_of_threads_and_another_seed_another()
    {
        string Fingerprint(long seed, int threads)
        {
            var study = StudySimulator.Simulate(s_small with { Cells = 2100, Patients = 20 }, seed, threads);
            var text = new StringBuilder();
            foreach (var data in new[] { study.Cells, study.Bulk, study.Spots! })
            {
                var x = (SparseMatrix)data.X!;
                foreach (float v in x.Values) text.Append(v).Append(' ');
                foreach (int i in x.Indices) text.Append(i).Append(' ');
                foreach (string column in data.Obs.ColumnNames) text.AppendJoin(' ', data.Obs[column].ToText());
            }
            return text.ToString();
        }
        string one = Fingerprint(5, 1);
        Assert.Equal(one, Fingerprint(5, 2));
        Assert.Equal(one, Fingerprint(5, 7));
        Assert.NotEqual(one, Fingerprint(6, 1));
    }

    [Fact]
    public void More_cells_do_not_change_the_first_ones()
    {
        // The property that lets a file of any size be written block by block.
        var few = (SparseMatrix)StudySimulator.Simulate(s_small with { Cells = 1100, Patients = 10, Spots = 0 }, 3).Cells.X!;
        var many = (SparseMatrix)StudySimulator.Simulate(s_small with { Cells = 2300, Patients = 10, Spots = 0 }, 3).Cells.X!;
        for (int i = 0; i < few.Rows; i++)
        {
            Assert.Equal(few.RowIndices(i).ToArray(), many.RowIndices(i).ToArray());
            Assert.Equal(few.RowValues(i).ToArray(), many.RowValues(i).ToArray());
        }
    }

    [Fact]
    public void The_linear_predictor_is_shares_times_contributions()
    {
        var bulk = s_study.Value.Bulk;
        double[] shares = ((DenseMatrix)bulk.Obsm["true_proportions"]).ToDouble(), states = ((DenseMatrix)bulk.Obsm["true_state"]).ToDouble();
        double[] beta = ((NdArray)bulk.Uns["true_beta"]).ToDouble(), lp = Numbers(bulk, "true_lp");
        double[] slope = SlopesFromCells();
        int types = beta.Length;
        double[] rebuilt = [.. Enumerable.Range(0, lp.Length).Select(i => Enumerable.Range(0, types).Sum(k => shares[i * types + k] * beta[k] + states[i * types + k] * slope[k]))];
        double mean = rebuilt.Average();
        for (int i = 0; i < lp.Length; i++) Assert.Equal(rebuilt[i] - mean, lp[i], 9);
        for (int i = 0; i < lp.Length; i++) Assert.Equal(1, shares.AsSpan(i * types, types).ToArray().Sum(), 12);
        Assert.Equal(s_small.Effect, Math.Sqrt(lp.Average(v => v * v)), 9);
    }

    [Fact]
    public void Contributions_of_cells_follow_their_state_in_gradient_types_only()
    {
        var obs = s_study.Value.Cells.Obs;
        string?[] label = obs["label"].ToText();
        double[] beta = Numbers(s_study.Value.Cells, "true_beta");
        bool[] has = ((BooleanColumn)obs["has_gradient"]).Values;
        var byType = Enumerable.Range(0, label.Length).GroupBy(i => label[i]!).ToList();
        Assert.Equal(2, byType.Count(g => has[g.First()]));
        foreach (var type in byType)
        {
            double spread = type.Max(i => beta[i]) - type.Min(i => beta[i]);
            Assert.All(type, i => Assert.Equal(has[type.First()], has[i]));
            if (has[type.First()]) Assert.True(spread > 0.1);
            else Assert.Equal(0, spread, 12);
        }
    }

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.7)]
    [InlineData(1.0)]
    public void The_share_of_events_is_the_one_asked_for(double share)
    {
        var bulk = StudySimulator.Simulate(s_small with { EventShare = share, Spots = 0, Cells = 10 }, 2).Bulk;
        Assert.Equal((int)Math.Round(share * 200), bulk.Obs["vital_status"].ToText().Count(v => v == "Dead"));
        Assert.All(Numbers(bulk, "survival_time"), t => Assert.True(t >= 0.1 && double.IsFinite(t)));
    }

    [Fact]
    public void Median_survival_without_any_effect_is_the_one_asked_for()
    {
        double[] times = [.. Numbers(StudySimulator.Simulate(s_small with { Effect = 0, EventShare = 1, Patients = 4000, Genes = 50, Spots = 0, Cells = 10, BulkDepth = 1000, MedianSurvival = 250 }, 4).Bulk, "survival_time").Order()];
        // The median of n exponential times has standard error median / (ln 2 sqrt n): here 2.3 %; five of them.
        Assert.InRange(times[2000], 250 * 0.885, 250 * 1.115);
    }

    [Fact]
    public void Higher_predicted_risk_means_earlier_death()
    {
        var bulk = StudySimulator.Simulate(s_small with { Effect = 3, EventShare = 1, Patients = 1000, Genes = 50, Spots = 0, Cells = 10, BulkDepth = 1000 }, 4).Bulk;
        double[] lp = Numbers(bulk, "true_lp"), time = Numbers(bulk, "survival_time");
        int concordant = 0, pairs = 0;
        for (int i = 0; i < lp.Length; i++)
            for (int j = 0; j < i; j++)
            {
                pairs++;
                if (lp[i] > lp[j] == time[i] < time[j]) concordant++;
            }
        Assert.True(concordant > 0.85 * pairs);
    }

    [Fact]
    public void Counts_of_a_gene_have_the_mean_and_variance_of_the_gamma_poisson()
    {
        // One type, one sample, no gradient: the cells of a type differ in depth only, so scaled by depth a gene's total has known moments.
        var p = new SimulationParameters { Cells = 6000, Genes = 60, Types = 2, Families = 1, GradientTypes = 0, Samples = 1, BatchEffect = 0, Patients = 10, CellDepth = 400, CellDispersion = 0.5 };
        var cells = StudySimulator.Simulate(p, 9, 2).Cells;
        var x = (SparseMatrix)cells.X!;
        int[] codes = ((CategoricalColumn)cells.Obs["label"]).Codes;
        int[] rows = [.. Enumerable.Range(0, x.Rows).Where(i => codes[i] == 0)];
        double[] total = [.. rows.Select(i => (double)x.RowValues(i).ToArray().Sum())];
        int gene = Enumerable.Range(0, 60).MaxBy(g => rows.Sum(i => x[i, g]));
        double share = rows.Sum(i => (double)x[i, gene]) / total.Sum();
        // Var(x) = E(m) + dispersion E(m^2) + Var(m) with m = share x depth; depth is log-normal with median 400 and log sd 0.45.
        double m1 = share * 400 * Math.Exp(0.45 * 0.45 / 2), m2 = share * share * 400 * 400 * Math.Exp(2 * 0.45 * 0.45);
        double[] counts = [.. rows.Select(i => (double)x[i, gene])];
        double mean = counts.Average(), variance = counts.Average(c => (c - mean) * (c - mean));
        Assert.InRange(mean / m1, 0.93, 1.07);
        Assert.InRange(variance / (m1 + 0.5 * m2 + m2 - m1 * m1), 0.8, 1.25);
    }

    [Fact]
    public void Every_type_has_cells_even_in_the_smallest_reference()
    {
        var cells = StudySimulator.Simulate(s_small with { Cells = 6, Patients = 10, Spots = 0 }, 1).Cells;
        Assert.Equal(6, ((CategoricalColumn)cells.Obs["label"]).Categories.Length);
    }

    [Fact]
    public void A_parameter_out_of_range_is_refused_by_name()
    {
        var e = Assert.Throws<InputException>(() => StudySimulator.Simulate(s_small with { EventShare = 1.5 }, 0));
        Assert.Contains("event-share is 1.5", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cancelling_ends_it()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => StudySimulator.Simulate(s_small, 0, 2, cancellation: source.Token));
    }

    private static double[] Numbers(AnnotatedData data, string column) => ((NumericColumn)data.Obs[column]).ToDouble();

    /// <summary>Slope of the contribution along the state, per type, from the cells' table.</summary>
    private static double[] SlopesFromCells()
    {
        var study = s_study.Value;
        string?[] label = study.Cells.Obs["label"].ToText();
        double[] beta = Numbers(study.Cells, "true_beta"), state = Numbers(study.Cells, "state");
        return [.. ((string[])((NdArray)study.Bulk.Uns["types"]).Data).Select(type =>
        {
            int[] cells = [.. Enumerable.Range(0, label.Length).Where(i => label[i] == type)];
            int low = cells.MinBy(i => state[i]), high = cells.MaxBy(i => state[i]);
            return (beta[high] - beta[low]) / (state[high] - state[low]);
        })];
    }
}
