namespace Cellcast.Tensors.Kernels.Simd;

internal static class Knobs
{
    private static readonly int[] s_v = Read();
    public static readonly int K0 = s_v[0], K1 = s_v[1], K2 = s_v[2], K3 = s_v[3], K4 = s_v[4], K5 = s_v[5], K6 = s_v[6], K7 = s_v[7], K8 = s_v[8], K9 = s_v[9];

    private static int[] Read()
    {
        string f = System.IO.Path.ChangeExtension(typeof(Knobs).Assembly.Location, ".knobs");
        var v = new int[10];
        if (System.IO.File.Exists(f))
            foreach (string s in System.IO.File.ReadAllText(f).Split(' ', StringSplitOptions.RemoveEmptyEntries))
                v[s[0] - '0'] = int.Parse(s[2..], System.Globalization.CultureInfo.InvariantCulture);
        return v;
    }
}
