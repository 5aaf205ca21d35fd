namespace Cellcast.Survival.Tests;

public class RidgeSelectionTests
{
    private static (SurvivalData, double[,]) Simulate(int n, int p, double effect)
    {
        var random = new Random(4);
        var x = new double[n, p];
        double[] time = new double[n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < p; j++) x[i, j] = random.NextDouble() - 0.5;
            time[i] = -Math.Log(1 - random.NextDouble()) * Math.Exp(-effect * x[i, 0]) + 1e-3;
        }
        return (new SurvivalData(time, [.. Enumerable.Range(0, n).Select(i => i % 4 != 0)]), x);
    }

    [Fact]
    public void The_penalty_with_the_best_cross_validated_likelihood_is_chosen_the_same_every_time()
    {
        var (data, x) = Simulate(120, 6, 3);
        var selection = RidgeSelection.CrossValidate(data, x);
        Assert.Equal(selection.CrossValidatedLogLikelihood.Max(), selection.CrossValidatedLogLikelihood[selection.Candidates.ToList().IndexOf(selection.Ridge)]);
        Assert.Equal(selection.CrossValidatedLogLikelihood, RidgeSelection.CrossValidate(data, x).CrossValidatedLogLikelihood);
    }

    [Fact]
    public void Noise_is_shrunk_away_and_an_effect_is_kept()
    {
        var (noise, x) = Simulate(120, 30, 0);
        Assert.True(RidgeSelection.CrossValidate(noise, x).Ridge >= 100);
        var (effect, z) = Simulate(120, 3, 5);
        Assert.True(RidgeSelection.CrossValidate(effect, z).Ridge <= 10);
    }

    [Fact]
    public void Leaving_one_out_is_the_definition()
    {
        var (data, x) = Simulate(12, 1, 2);
        var selection = RidgeSelection.CrossValidate(data, x, [2], folds: 12);
        int events = data.EventCount; // as many folds as deaths
        double expected = 0;
        int[] dealt = [.. Enumerable.Range(0, 12).OrderBy(i => data.Event[i] ? 0 : 1).ThenBy(i => data.Time[i])];
        for (int f = 0; f < events; f++)
        {
            int[] others = [.. Enumerable.Range(0, 12).Where(i => Array.IndexOf(dealt, i) % events != f)];
            var train = data.Subset(others);
            var own = new double[others.Length, 1];
            for (int k = 0; k < others.Length; k++) own[k, 0] = x[others[k], 0];
            double b = CoxRegression.Fit(train, own, new CoxOptions { Ridge = 2 }).Coefficients[0];
            double[] eta = [.. Enumerable.Range(0, 12).Select(i => b * x[i, 0])];
            expected += BruteForce.PartialLikelihood(train, [.. others.Select(i => eta[i])], TieMethod.Efron).Value - BruteForce.PartialLikelihood(data, eta, TieMethod.Efron).Value;
        }
        Assert.Equal(expected, selection.CrossValidatedLogLikelihood[0], 1e-9);
    }

    [Fact]
    public void Too_few_deaths_are_said()
    {
        var data = new SurvivalData([1, 2, 3], [true, false, false]);
        Assert.Contains("1 events", Assert.Throws<SurvivalDataException>(() => RidgeSelection.CrossValidate(data, new double[3, 1])).Message);
    }
}
