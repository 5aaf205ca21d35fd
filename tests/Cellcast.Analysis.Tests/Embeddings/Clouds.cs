namespace Cellcast.Analysis.Tests.Embeddings;

/// <summary>Made-up points.</summary>
internal static class Clouds
{
    /// <summary>Round clouds around random centres.</summary>
    public static (float[] Points, int[] Cloud) Round(int seed, int perCloud, int clouds, int dimensions, double apart = 8, double offset = 0)
    {
        var random = new Random(seed);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        double[] centers = [.. Enumerable.Range(0, clouds * dimensions).Select(_ => offset + apart * Normal())];
        int[] cloud = [.. Enumerable.Range(0, clouds * perCloud).Select(i => i % clouds)];
        var points = new float[cloud.Length * dimensions];
        for (int i = 0; i < points.Length; i++) points[i] = (float)(centers[cloud[i / dimensions] * dimensions + i % dimensions] + Normal());
        return (points, cloud);
    }

    /// <summary>A spiral band in space: two dimensions within, every point connected with every other.</summary>
    public static (float[] Points, float[] Along) Roll(int seed, int count)
    {
        var random = new Random(seed);
        var (points, along) = (new float[3 * count], new float[count]);
        for (int i = 0; i < count; i++)
        {
            double t = 1.5 * Math.PI * (1 + 2 * random.NextDouble());
            (points[3 * i], points[3 * i + 1], points[3 * i + 2], along[i]) = ((float)(t * Math.Cos(t)), (float)(10 * random.NextDouble()), (float)(t * Math.Sin(t)), (float)t);
        }
        return (points, along);
    }

    public static double Distance(float[] points, int d, int i, int j) => Math.Sqrt(Enumerable.Range(0, d).Sum(c => Math.Pow((double)points[i * d + c] - points[j * d + c], 2)));
}
