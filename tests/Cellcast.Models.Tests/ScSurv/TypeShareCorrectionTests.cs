using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Tests.ScSurv;

/// <summary>Patients mixed from six types, two of which are much alike, by genes whose efficiency differs from the cells'.</summary>
public sealed class TypeShareCorrectionTests
{
    private const int Genes = 300, Types = 6, Patients = 60, Depth = 300;

    [Fact]
    public void Shares_that_confuse_types_are_put_right()
    {
        Study study = Make();
        // Three tenths of the second type are taken for the first, and everything is drawn towards the average.
        double[] found = [.. study.Truth];
        for (int s = 0; s < Patients; s++)
        {
            Span<double> own = found.AsSpan(s * Types, Types);
            double moved = 0.3 * own[1];
            (own[0], own[1]) = (own[0] + moved, own[1] - moved);
            for (int t = 0; t < Types; t++) own[t] = 0.5 * own[t] + 0.5 / Types;
        }
        double[] corrected = Correct(study, found);
        Assert.True(Error(corrected, study.Truth) < 0.4 * Error(found, study.Truth), $"{Error(found, study.Truth)}, {Error(corrected, study.Truth)}");
        for (int t = 0; t < Types; t++) Assert.True(Over(corrected, study.Truth, t) > 0.97, $"type {t}: {Over(corrected, study.Truth, t)}");
    }

    [Fact]
    public void Shares_that_are_right_stay_as_they_are()
    {
        Study study = Make();
        double[] corrected = Correct(study, study.Truth);
        Assert.True(Error(corrected, study.Truth) < 0.01, $"{Error(corrected, study.Truth)}");
        for (int t = 0; t < Types; t++) Assert.True(Over(corrected, study.Truth, t) > 0.99);
    }

    [Fact]
    public void Rows_keep_their_sum_nothing_is_negative_and_threads_change_no_bit()
    {
        Study study = Make();
        double[] found = [.. study.Truth.Select((v, i) => 0.9 * (i % Types == 3 ? 0 : v))], one = Correct(study, found, threads: 1), three = Correct(study, found, threads: 3);
        Assert.Equal(one, three);
        Assert.True(one.Min() >= 0);
        for (int s = 0; s < Patients; s++) Assert.Equal(found.AsSpan(s * Types, Types).ToArray().Sum(), one.AsSpan(s * Types, Types).ToArray().Sum(), 12);
        // A type that the networks saw nothing of is found all the same.
        Assert.True(Over(one, study.Truth, 3) > 0.95);
    }

    [Fact]
    public void A_patient_is_corrected_the_same_alone_and_with_half_of_the_genes_nearly_so()
    {
        Study study = Make();
        double[] found = [.. Enumerable.Repeat(1.0 / Types, Patients * Types)];
        TypeShareCorrection model = Learn(study, found, 1);
        double[] all = model.Apply(study.Mixtures, found, null, 1), alone = model.Apply(study.Mixtures.Select([7]), found[..Types], null, 1);
        Assert.Equal(all.AsSpan(7 * Types, Types).ToArray(), alone);
        int[] half = [.. Enumerable.Range(0, Genes).Where(g => g % 2 == 0)];
        float[] counts = [.. study.Mixtures.Counts.Select((v, i) => i % Genes % 2 == 0 ? v : float.NaN)];
        double[] some = model.Apply(study.Mixtures with { Counts = counts }, found, half, 1);
        for (int t = 0; t < Types; t++) Assert.True(Over(some, study.Truth, t) > 0.93, $"type {t}: {Over(some, study.Truth, t)}");
    }

    [Fact]
    public void Profiles_from_few_cells_do_not_draw_types_that_are_alike_together()
    {
        Study study = Make();
        var (profiles, variance) = FromFewCells(study.Profiles, 40);
        int[] everybody = [.. Enumerable.Range(0, Patients)];
        double[] found = [.. study.Truth.Select(v => 0.5 * v + 0.5 / Types)];
        var blind = TypeShareCorrection.Learn(profiles, [], study.Mixtures, found, everybody, 1);
        var aware = TypeShareCorrection.Learn(profiles, variance, study.Mixtures, found, everybody, 1);
        Assert.InRange(aware.ErrorShare, 0.75, 1);
        // What one patient has more than another of a type of which a sibling exists is found in full.
        double[] without = blind.Apply(study.Mixtures, found, null, 1), with = aware.Apply(study.Mixtures, found, null, 3);
        Assert.True(Slope(without, study.Truth, 0) < 0.88 && Slope(without, study.Truth, 1) < 0.88, $"{Slope(without, study.Truth, 0)}, {Slope(without, study.Truth, 1)}");
        for (int t = 0; t < 2; t++) Assert.InRange(Slope(with, study.Truth, t), 0.92, 1.08);
        Assert.True(Error(with, study.Truth) < 0.7 * Error(without, study.Truth), $"{Error(without, study.Truth)}, {Error(with, study.Truth)}");
        Assert.Equal(with, TypeShareCorrection.Learn(profiles, variance, study.Mixtures, found, everybody, 3).Apply(study.Mixtures, found, null, 1));
    }

    [Fact]
    public void Patients_mixed_from_the_very_cells_of_the_reference_show_no_errors_of_profiles()
    {
        Study study = Make();
        var (_, variance) = FromFewCells(study.Profiles, 40);
        var model = TypeShareCorrection.Learn(study.Profiles, variance, study.Mixtures, study.Truth, [.. Enumerable.Range(0, Patients)], 1);
        Assert.InRange(model.ErrorShare, 0, 0.1);
        for (int t = 0; t < 2; t++) Assert.InRange(Slope(model.Apply(study.Mixtures, study.Truth, null, 1), study.Truth, t), 0.95, 1.05);
    }

    [Fact]
    public void A_stray_count_of_a_gene_that_no_type_of_the_patient_expresses_does_not_pass_for_errors()
    {
        Study study = Make();
        var (_, variance) = FromFewCells(study.Profiles, 40);
        // Only the last type has the first gene; ten patients have none of that type, and one of them a count all the same.
        for (int t = 0; t < Types - 1; t++) (study.Profiles[t * Genes], variance[t * Genes]) = (0, 0);
        double[] found = [.. study.Truth];
        for (int s = 0; s < 10; s++) (found[s * Types + Types - 1], found[s * Types]) = (0, found[s * Types] + found[s * Types + Types - 1]);
        double[] shares = [.. found], average = [.. Enumerable.Range(0, Types).Select(t => Enumerable.Range(0, Patients).Average(s => found[s * Types + t]))];
        double[] rates = new double[Patients * Genes], residual = new double[Patients * Genes], weight = new double[Patients * Genes], scale = [.. Enumerable.Repeat(1.0, Genes)];
        var random = new RandomStream(RandomKey.From(5, "residuals"));
        for (int s = 0; s < Patients; s++)
            for (int g = 0; g < Genes; g++)
            {
                for (int t = 0; t < Types; t++) rates[s * Genes + g] += shares[s * Types + t] * study.Profiles[t * Genes + g];
                double m = rates[s * Genes + g], v = m / Depth + 0.05 * m * m + 1e-12;
                residual[s * Genes + g] = g == 0 && m == 0 ? (s == 3 ? 2.0 / Depth : 0) : Math.Sqrt(v) * random.NextNormal();
                weight[s * Genes + g] = 1 / v;
            }
        Assert.InRange(new ProfileErrors(study.Profiles, variance, Types).ShareIn(shares, average, rates, scale, residual, weight, 1), 0, 0.2);
    }

    [Fact]
    public void The_variance_of_a_profile_is_that_of_profiles_from_other_cells()
    {
        // Cells of one type with overdispersed counts, in many references: the variance that each states is the one between them.
        const int references = 400, cells = 25, genes = 3;
        double[] rate = [0.5, 4, 20];
        double[] stated = new double[genes], sum = new double[genes], square = new double[genes];
        for (int k = 0; k < references; k++)
        {
            var random = new RandomStream(RandomKey.From(k, "profiles"));
            var counts = new float[cells * (genes + 1)];
            for (int c = 0; c < cells; c++)
            {
                double depth = Math.Exp(0.3 * random.NextNormal());
                for (int g = 0; g < genes; g++) counts[c * (genes + 1) + g] = random.NextPoisson(depth * rate[g] * Math.Exp(0.5 * random.NextNormal()));
                counts[c * (genes + 1) + genes] = (float)Math.Round(1000 * depth);
            }
            var x = SparseMatrix.FromDense(cells, genes + 1, counts);
            var reference = new ReferenceCells([.. Enumerable.Range(0, cells).Select(c => $"cell{c}")], x, new int[cells], ["all"]);
            double[] profile = ProgramShares.ProfilesOf(reference, new int[cells], 1), variance = ProfileErrors.VarianceOf(reference, new int[cells], 1);
            for (int g = 0; g < genes; g++) (stated[g], sum[g], square[g]) = (stated[g] + variance[g] / references, sum[g] + profile[g] / references, square[g] + profile[g] * profile[g] / references);
        }
        for (int g = 0; g < genes; g++) Assert.InRange(stated[g] / (square[g] - sum[g] * sum[g]), 0.75, 1.3);
    }

    [Fact]
    public void Cells_get_their_types_correction_in_proportion()
    {
        float[] shares = [.1f, 0, .3f, 0, .6f, 1];
        var store = new RowStore(3, 2, shares);
        TypeShareCorrection.Rescale(store, [0, 0, 1], [.4, .6, 0, 1], [.2, .8, .5, .5], 1);
        float[] expected = [.05f, .25f, .15f, .25f, .8f, .5f], after = store.ToArray();
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], after[i], 6);
    }

    private static TypeShareCorrection Learn(Study study, double[] found, int threads) => TypeShareCorrection.Learn(study.Profiles, [], study.Mixtures, found, [.. Enumerable.Range(0, Patients)], threads);

    private static double[] Correct(Study study, double[] found, int threads = 1) => Learn(study, found, threads).Apply(study.Mixtures, found, null, threads);

    private static double Error(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Average());

    private static (double[] Profiles, double[] Variance) FromFewCells(double[] exact, double counts)
    {
        var random = new RandomStream(RandomKey.From(11, "few cells"));
        double[] profiles = [.. exact.Select(m => random.NextPoisson(m * counts) / counts)];
        return (profiles, [.. profiles.Select(m => Math.Max(m, 1 / counts) / counts)]);
    }

    private static double Slope(double[] found, double[] truth, int type)
    {
        double[] x = [.. Enumerable.Range(0, Patients).Select(s => truth[s * Types + type])], y = [.. Enumerable.Range(0, Patients).Select(s => found[s * Types + type])];
        double center = x.Average();
        return x.Zip(y, (a, b) => (a - center) * b).Sum() / x.Sum(a => (a - center) * (a - center));
    }

    private static double Over(double[] a, double[] b, int type) =>
        Correlation.Pearson([.. Enumerable.Range(0, Patients).Select(s => a[s * Types + type])], [.. Enumerable.Range(0, Patients).Select(s => b[s * Types + type])]).Coefficient;

    private static Study Make()
    {
        var random = new RandomStream(RandomKey.From(3, "type shares"));
        double[] profiles = new double[Types * Genes], truth = new double[Patients * Types], efficiency = [.. Enumerable.Range(0, Genes).Select(_ => Math.Exp(0.5 * random.NextNormal()))];
        for (int g = 0; g < Genes; g++)
            for (int t = 0; t < Types; t++)
                profiles[t * Genes + g] = t == 1 ? profiles[g] * Math.Exp(0.4 * random.NextNormal()) : Math.Exp(random.NextNormal());
        for (int t = 0; t < Types; t++)
        {
            double mean = Enumerable.Range(0, Genes).Average(g => profiles[t * Genes + g]);
            for (int g = 0; g < Genes; g++) profiles[t * Genes + g] /= mean;
        }
        var counts = new float[Patients * Genes];
        for (int s = 0; s < Patients; s++)
        {
            double total = 0;
            for (int t = 0; t < Types; t++) total += truth[s * Types + t] = random.NextExponential();
            for (int t = 0; t < Types; t++) truth[s * Types + t] /= total;
            for (int g = 0; g < Genes; g++)
                counts[s * Genes + g] = random.NextPoisson(Depth * efficiency[g] * Enumerable.Range(0, Types).Sum(t => truth[s * Types + t] * profiles[t * Genes + g]) * Math.Exp(0.1 * random.NextNormal()));
        }
        return new Study(profiles, truth, Mixtures.From([.. Enumerable.Range(0, Patients).Select(i => $"patient{i}")], SparseMatrix.FromDense(Patients, Genes, counts)));
    }

    private sealed record Study(double[] Profiles, double[] Truth, Mixtures Mixtures);
}
